// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {AssetRegistry} from "../src/AssetRegistry.sol";
import {AssetShares} from "../src/AssetShares.sol";
import {LicenseBook} from "../src/LicenseBook.sol";
import {RoyaltyPool} from "../src/RoyaltyPool.sol";
import {HostileToken} from "./HostileToken.sol";
import {Test} from "./Vm.sol";

/// @title Issues, buys, moves, revokes and lets time pass at random
contract LicenceActions is Test {
    uint256 public constant HOLDERS = 4;
    uint256 public constant ASSET = 7;
    uint96 public constant PRICE = 500;

    LicenseBook public immutable BOOK;
    RoyaltyPool public immutable POOL;
    HostileToken public immutable TOKEN = new HostileToken();
    uint256 public minted;
    uint256 public burned;
    uint256 public bought;
    bool public shortened;

    bytes32[2] private _terms = [keccak256("kept"), keccak256("revocable")];

    constructor() {
        VM.warp(1_000_000);
        AssetRegistry registry = new AssetRegistry(address(this), address(this), address(this));
        AssetShares shares = new AssetShares(address(this), registry, TOKEN, address(this), address(this));
        POOL = new RoyaltyPool(address(this), registry, TOKEN, shares, address(this));
        BOOK = new LicenseBook(address(this), registry, POOL, TOKEN, address(this), address(this));
        registry.register(
            address(1), ASSET, keccak256("c"), keccak256("m"), bytes32(0), new uint256[](0), new uint16[](0)
        );
        BOOK.addTerms(_terms[0], 1, true, false);
        BOOK.addTerms(_terms[1], 1, true, true);
        BOOK.setOffer(ASSET, 1, _terms[0], PRICE, 10 days);
        TOKEN.approve(address(BOOK), type(uint256).max);
    }

    function issue(uint256 who, uint256 terms, uint32 period) external {
        _watched(who, abi.encodeCall(BOOK.issue, (holderAt(who), ASSET, _terms[terms % 2], _end(period))));
    }

    function buy(uint256 who) external {
        TOKEN.mint(address(this), PRICE);
        if (_watched(who, abi.encodeCall(BOOK.buy, (ASSET, 1, holderAt(who), PRICE)))) bought += PRICE;
    }

    function move(uint256 from, uint256 to) external {
        uint256 id = BOOK.licenceId(ASSET, 1);
        VM.prank(holderAt(from));
        BOOK.safeTransferFrom(holderAt(from), holderAt(to), id, 1, "");
    }

    function revoke(uint256 who) external {
        (,,, bool revocable) = BOOK.licence(holderAt(who), ASSET, 1);
        BOOK.revoke(holderAt(who), ASSET, 1, bytes32("why"));
        require(revocable, "revoked against its terms");
        ++burned;
    }

    function wait(uint32 time) external {
        VM.warp(block.timestamp + time % 20 days);
    }

    function holderAt(uint256 index) public pure returns (address) {
        return address(uint160(0x1000 + index % HOLDERS));
    }

    function _watched(uint256 who, bytes memory call) private returns (bool done) {
        (bytes32 before, uint64 until,,) = BOOK.licence(holderAt(who), ASSET, 1);
        (done,) = address(BOOK).call(call);
        if (!done) return false;
        (, uint64 then,,) = BOOK.licence(holderAt(who), ASSET, 1);
        if (before == bytes32(0)) ++minted;
        else if (until == 0 ? then != 0 : then != 0 && then < until) shortened = true;
    }

    function _end(uint32 period) private view returns (uint64) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return period % 16 == 0 ? 0 : uint64(block.timestamp) + period % 30 days;
    }
}

contract LicenseBookInvariantTest is Test {
    LicenceActions private actions;

    function setUp() public {
        actions = new LicenceActions();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actions);
    }

    function invariant_tokensAreWhatWasIssuedLessWhatWasRevoked_oneAHolder() public view {
        uint256 tokens = 0;
        for (uint256 i = 0; i < actions.HOLDERS(); ++i) {
            uint256 held = actions.BOOK().balanceOf(actions.holderAt(i), (actions.ASSET() << 8) | 1);
            assertTrue(held <= 1, "at most one");
            tokens += held;
        }
        assertEq(tokens, actions.minted() - actions.burned(), "tokens");
    }

    function invariant_onlyHoldersAreLicensed_andNoLicenceWasShortened() public view {
        assertFalse(actions.shortened(), "shortened");
        for (uint256 i = 0; i < actions.HOLDERS(); ++i) {
            address holder = actions.holderAt(i);
            (bytes32 terms, uint64 expiresAt,,) = actions.BOOK().licence(holder, actions.ASSET(), 1);
            bool holds = terms != bytes32(0) && (expiresAt == 0 || block.timestamp < expiresAt);
            assertTrue(actions.BOOK().isLicensed(holder, actions.ASSET(), 1) == holds, "by its end");
        }
    }

    function invariant_allThatWasPaidIsTheAssetsRevenue() public view {
        assertEq(actions.POOL().pendingOf(actions.ASSET()), actions.bought(), "revenue");
        assertEq(actions.TOKEN().balanceOf(address(actions.BOOK())), 0, "the book keeps nothing");
    }
}
