// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {PausableByRole} from "./PausableByRole.sol";

/// @title A role for the contract's daily caller, whose check costs nothing beside that of the pause
/// @notice The first holder of the role is kept in the storage slot of the pause flag, so that one read answers both
/// questions. Whoever else is granted the role later is found in the roles, for one more read.
abstract contract OperatedByRole is PausableByRole {
    bytes32 private immutable _operatorRole;
    // Declared right after the pause flag, so the compiler puts both into one slot; the layout's snapshot keeps it so.
    address private _firstOperator;

    /// @notice Lets only holders of the operator's role through.
    modifier onlyOperator() {
        if (msg.sender != _firstOperator) _checkRole(_operatorRole);
        _;
    }

    /// @notice Gives the three roles.
    /// @param admin May grant and revoke roles.
    /// @param pauser First holder of the pauser role.
    /// @param operatorRole The role of the daily caller.
    /// @param operator Its first holder.
    constructor(address admin, address pauser, bytes32 operatorRole, address operator) PausableByRole(admin, pauser) {
        _operatorRole = operatorRole;
        _firstOperator = operator;
        _grantRole(operatorRole, operator);
    }

    /// @dev Revoking and renouncing come here: who loses the role loses the shortcut.
    function _revokeRole(bytes32 role, address account) internal override returns (bool revoked) {
        if (role == _operatorRole && account == _firstOperator) _firstOperator = address(0);
        return super._revokeRole(role, account);
    }
}
