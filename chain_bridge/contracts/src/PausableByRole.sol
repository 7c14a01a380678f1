// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

/// @title Roles, with one that stops and resumes the contract
/// @notice The admin is meant to be a timelock, which is slow on purpose; the pauser is a key at hand, which can only
/// stop and resume.
abstract contract PausableByRole is AccessControl, Pausable {
    /// @notice Role that pauses and resumes.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    /// @notice Gives the two roles that every contract has.
    /// @param admin May grant and revoke roles.
    /// @param pauser First holder of the pauser role.
    constructor(address admin, address pauser) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(PAUSER_ROLE, pauser);
    }

    /// @notice Stops what this contract marks as stoppable.
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @notice Resumes.
    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }
}
