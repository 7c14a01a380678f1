// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token that misbehaves on demand
contract HostileToken is ERC20 {
    enum Manner {
        Honest,
        ReturnsFalse,
        TakesFee,
        Reenters
    }

    Manner private _manner;
    address private _target;
    bytes private _call;
    bool private _inside;

    constructor() ERC20("Hostile", "HST") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function behave(Manner manner) external {
        _manner = manner;
    }

    function reenter(address target, bytes calldata data) external {
        _manner = Manner.Reenters;
        _target = target;
        _call = data;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return _manner == Manner.ReturnsFalse ? false : super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return _manner == Manner.ReturnsFalse ? false : super.transferFrom(from, to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (_manner == Manner.TakesFee && from != address(0) && to != address(0)) {
            super._update(from, address(0xFEE), amount / 100);
            amount -= amount / 100;
        }
        super._update(from, to, amount);
        if (_manner == Manner.Reenters && !_inside) {
            _inside = true;
            (bool done,) = _target.call(_call);
            require(!done, "re-entering succeeded");
            _inside = false;
        }
    }
}
