// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title The road not taken: shares of one asset as an ERC-20 token of their own, with the same accumulator
/// @dev Measured beside {AssetShares} for docs/adr/0008; never deployed.
contract ShareClone is ERC20("", "") {
    using SafeERC20 for IERC20;

    struct Account {
        uint192 revenuePerShare;
        uint256 owed;
    }

    IERC20 private immutable _money;
    uint256 private _revenuePerShare;
    mapping(address holder => Account account) private _accounts;

    constructor(IERC20 money) {
        _money = money;
    }

    function initialize(address holder, uint256 supply) external {
        require(totalSupply() == 0, "initialized");
        _mint(holder, supply);
    }

    function deposit(uint256 amount) external {
        _revenuePerShare += (amount << 64) / totalSupply();
        _money.safeTransferFrom(msg.sender, address(this), amount);
    }

    function claim(address holder) external {
        _settle(holder);
        uint256 amount = _accounts[holder].owed >> 64;
        _accounts[holder].owed -= amount << 64;
        _money.safeTransfer(holder, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (from != address(0)) _settle(from);
        _settle(to);
        super._update(from, to, amount);
    }

    function _settle(address holder) private {
        Account storage account = _accounts[holder];
        uint256 earned = balanceOf(holder) * (_revenuePerShare - account.revenuePerShare);
        if (earned != 0) account.owed += earned;
        account.revenuePerShare = SafeCast.toUint192(_revenuePerShare);
    }
}
