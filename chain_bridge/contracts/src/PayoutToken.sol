// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Test stablecoin for the embedded chain
/// @notice Stands where a real dollar stablecoin stands on a public chain, with the same six decimals. It has no value.
contract PayoutToken is ERC20, AccessControl {
    /// @notice Role that creates tokens.
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    /// @notice Creates the token without supply.
    /// @param admin May grant and revoke roles.
    /// @param minter First holder of the minter role.
    constructor(address admin, address minter) ERC20("Test US Dollar", "TUSD") {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(MINTER_ROLE, minter);
    }

    /// @notice Creates tokens.
    /// @param to Who receives them.
    /// @param amount How many, in millionths of a dollar.
    function mint(address to, uint256 amount) external onlyRole(MINTER_ROLE) {
        _mint(to, amount);
    }

    /// @notice Six, as the dollar stablecoins have.
    /// @return count Number of decimals.
    function decimals() public pure override returns (uint8 count) {
        return 6;
    }
}
