// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ILedgerAnchor} from "./interfaces/ILedgerAnchor.sol";

/// @title Anchor of the platform's books
/// @notice See {ILedgerAnchor}.
contract LedgerAnchor is AccessControl, ILedgerAnchor {
    /// @notice Role that commits heads.
    bytes32 public constant COMMITTER_ROLE = keccak256("COMMITTER_ROLE");

    bytes32 private _head;
    uint64 private _number;

    /// @notice Creates an anchor without a head.
    /// @param admin May grant and revoke roles.
    /// @param committer First holder of the committer role.
    constructor(address admin, address committer) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(COMMITTER_ROLE, committer);
    }

    /// @inheritdoc ILedgerAnchor
    function commit(uint64 number, bytes32 head) external onlyRole(COMMITTER_ROLE) {
        if (number <= _number) revert LedgerAnchorNotNewer(number, _number);
        if (head == bytes32(0)) revert LedgerAnchorEmptyHead();
        _number = number;
        _head = head;
        emit HeadCommitted(number, head);
    }

    /// @inheritdoc ILedgerAnchor
    function latest() external view returns (uint64 number, bytes32 head) {
        return (_number, _head);
    }
}
