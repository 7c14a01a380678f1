// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {CustodyAccount} from "./CustodyAccount.sol";
import {OperatedByRole} from "./OperatedByRole.sol";
import {ICustodyAccount} from "./interfaces/ICustodyAccount.sol";
import {ICustodyAccounts} from "./interfaces/ICustodyAccounts.sol";

/// @title Factory and operator's door of the custodial accounts
/// @notice See {ICustodyAccounts}.
contract CustodyAccounts is OperatedByRole, ICustodyAccounts {
    /// @notice Role that acts for the accounts.
    bytes32 public constant OPERATOR_ROLE = keccak256("OPERATOR_ROLE");

    address private immutable _implementation = address(new CustodyAccount());

    /// @notice Creates the factory and the implementation of its accounts.
    /// @param admin May grant and revoke roles.
    /// @param operator First holder of the operator role.
    /// @param pauser First holder of the pauser role.
    constructor(address admin, address operator, address pauser)
        OperatedByRole(admin, pauser, OPERATOR_ROLE, operator)
    {}

    /// @inheritdoc ICustodyAccounts
    function execute(bytes32 organisation, address target, bytes calldata data)
        external
        onlyOperator
        whenNotPaused
        returns (bytes memory result)
    {
        address account = accountOf(organisation);
        if (account.code.length == 0) {
            account = Clones.cloneDeterministic(_implementation, organisation);
            emit CustodyAccountCreated(organisation, account);
        }
        emit CustodyExecuted(organisation, target, data);
        return ICustodyAccount(account).execute(target, data);
    }

    /// @inheritdoc ICustodyAccounts
    function accountImplementation() external view returns (address implementation) {
        return _implementation;
    }

    /// @inheritdoc ICustodyAccounts
    function accountOf(bytes32 organisation) public view returns (address account) {
        return Clones.predictDeterministicAddress(_implementation, organisation);
    }
}
