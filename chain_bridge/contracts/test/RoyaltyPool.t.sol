// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {AssetRegistry} from "../src/AssetRegistry.sol";
import {AssetShares} from "../src/AssetShares.sol";
import {RoyaltyPool} from "../src/RoyaltyPool.sol";
import {IRoyaltyPool} from "../src/interfaces/IRoyaltyPool.sol";
import {HostileToken} from "./HostileToken.sol";
import {Test} from "./Vm.sol";

/// @title A registry with the graph 1 <- 2 <- 4, {1, 3} <- 5, and a pool over it
abstract contract RoyaltyGraph is Test {
    uint256 public constant ASSETS = 5;

    HostileToken public immutable TOKEN = new HostileToken();
    AssetRegistry public immutable REGISTRY = new AssetRegistry(address(this), address(this), address(this));
    AssetShares public immutable SHARES = new AssetShares(address(this), REGISTRY, TOKEN, address(this), address(this));
    RoyaltyPool public immutable POOL = new RoyaltyPool(address(this), REGISTRY, TOKEN, SHARES, address(this));

    mapping(uint256 asset => uint256[] parents) internal _parents;
    mapping(uint256 asset => uint16[] weights) internal _weights;
    bytes32 internal _content = keccak256(abi.encode(keccak256("c"), keccak256("m"), bytes32(0)));

    function _buildGraph() internal {
        _link(2, 1, 2500);
        _link(4, 2, 3333);
        _link(5, 1, 1111);
        _link(5, 3, 4444);
        for (uint256 asset = 1; asset <= ASSETS; ++asset) {
            REGISTRY.register(
                ownerOf(asset), asset, keccak256("c"), keccak256("m"), bytes32(0), _parents[asset], _weights[asset]
            );
        }
        TOKEN.approve(address(POOL), type(uint256).max);
    }

    function ownerOf(uint256 asset) public pure returns (address) {
        return address(uint160(0x1000 + asset));
    }

    function _link(uint256 child, uint256 parent, uint16 weight) private {
        _parents[child].push(parent);
        _weights[child].push(weight);
    }

    function _pay(uint256 asset, uint256 amount) internal {
        POOL.pay(asset, 1, _content, _parents[asset], _weights[asset], amount);
    }

    function _settle(uint256 asset) internal {
        POOL.settle(asset, 1, _content, _parents[asset], _weights[asset]);
    }
}

/// @title Pays, settles and releases at random
contract RoyaltyActions is RoyaltyGraph {
    uint256 public paidIn;
    uint256 public paidOut;

    constructor() {
        _buildGraph();
    }

    function pay(uint256 asset, uint256 amount) external {
        amount = bound(amount, 0, 1_000_000);
        TOKEN.mint(address(this), amount);
        _pay(1 + asset % ASSETS, amount);
        paidIn += amount;
    }

    function payPending(uint256 asset, uint256 amount) external {
        amount = bound(amount, 0, 1_000_000);
        TOKEN.mint(address(this), amount);
        POOL.payPending(1 + asset % ASSETS, amount);
        paidIn += amount;
    }

    function settle(uint256 asset) external {
        _settle(1 + asset % ASSETS);
    }

    function release(uint256 asset) external {
        paidOut += POOL.release(1 + asset % ASSETS);
    }

    function share(uint256 asset) external {
        SHARES.create(1 + asset % ASSETS, address(0x5A), 1000);
    }
}

contract RoyaltyPoolInvariantTest is Test {
    RoyaltyActions private actions;

    function setUp() public {
        actions = new RoyaltyActions();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actions);
    }

    function invariant_everyUnitIsPendingEarnedOrPaidOut() public view {
        uint256 held = 0;
        for (uint256 asset = 1; asset <= actions.ASSETS(); ++asset) {
            held += actions.POOL().pendingOf(asset) + actions.POOL().earnedOf(asset);
        }
        assertEq(held, actions.paidIn() - actions.paidOut(), "accounts");
        assertEq(actions.TOKEN().balanceOf(address(actions.POOL())), held, "balance");
    }

    function invariant_whatLeftIsWithOwnersAndShares() public view {
        uint256 out = actions.TOKEN().balanceOf(address(actions.SHARES()));
        for (uint256 asset = 1; asset <= actions.ASSETS(); ++asset) {
            out += actions.TOKEN().balanceOf(actions.ownerOf(asset));
        }
        assertEq(out, actions.paidOut(), "paid out");
    }
}

contract RoyaltyPoolTest is RoyaltyGraph {
    function setUp() public {
        _buildGraph();
        TOKEN.mint(address(this), 1 << 140);
    }

    function test_pay_givesParentsTheirWeightAndTheAssetTheRest() public {
        VM.expectEmit();
        emit IRoyaltyPool.RoyaltyPaid(5, address(this), 1000);
        _pay(5, 1000);
        assertEq(POOL.pendingOf(1), 111, "11.11 %");
        assertEq(POOL.pendingOf(3), 444, "44.44 %");
        assertEq(POOL.earnedOf(5), 445, "the rest, with what was rounded");
        _pay(5, 1000);
        assertEq(POOL.earnedOf(5), 890, "again, by the commitment that is known");
        assertEq(POOL.royaltyToken(), address(TOKEN), "token");
    }

    function test_settle_goesOneLevelFurther() public {
        _pay(4, 10_000);
        assertEq(POOL.pendingOf(2), 3333, "pending");
        VM.expectEmit();
        emit IRoyaltyPool.RoyaltySettled(2, 3333, 2500);
        _settle(2);
        assertEq(POOL.pendingOf(2), 0, "divided");
        assertEq(POOL.earnedOf(2), 2500, "kept");
        assertEq(POOL.pendingOf(1), 833, "a quarter, rounded down");
        _settle(1);
        assertEq(POOL.earnedOf(1), 833, "a root keeps all");
        VM.expectRevert(abi.encodeWithSelector(IRoyaltyPool.RoyaltyPoolNothingPending.selector, 1));
        _settle(1);
    }

    function test_payAndSettle_refuseOtherParentsWeightsVersionsAndContent() public {
        uint256[] memory none = new uint256[](0);
        uint16[] memory noWeights = new uint16[](0);
        bytes memory refusal = abi.encodeWithSelector(IRoyaltyPool.RoyaltyPoolUnknownVersion.selector, 5, 1);
        VM.expectRevert(refusal);
        POOL.pay(5, 1, _content, none, noWeights, 1000);
        _pay(5, 1000);
        VM.expectRevert(refusal);
        POOL.pay(5, 1, _content, none, noWeights, 1000);
        VM.expectRevert(refusal);
        POOL.pay(5, 1, keccak256("other"), _parents[5], _weights[5], 1000);
        VM.expectRevert(refusal);
        POOL.settle(5, 1, _content, _parents[4], _weights[4]);
        VM.expectRevert(abi.encodeWithSelector(IRoyaltyPool.RoyaltyPoolUnknownVersion.selector, 5, 2));
        POOL.pay(5, 2, _content, _parents[5], _weights[5], 1000);
        VM.expectRevert(abi.encodeWithSelector(IRoyaltyPool.RoyaltyPoolUnknownVersion.selector, 9, 1));
        POOL.pay(9, 1, _content, none, noWeights, 1000);
    }

    function test_settle_isByTheNewestVersionOnly() public {
        uint256[] memory none = new uint256[](0);
        uint16[] memory noWeights = new uint16[](0);
        POOL.payPending(5, 1000);
        REGISTRY.addVersion(5, keccak256("c"), keccak256("m"), bytes32(0), none, noWeights);
        VM.expectRevert(abi.encodeWithSelector(IRoyaltyPool.RoyaltyPoolNotNewestVersion.selector, 5, 1, 2));
        _settle(5);
        POOL.settle(5, 2, _content, none, noWeights);
        assertEq(POOL.earnedOf(5), 1000, "no parents any more");
    }

    function test_payPending_needsARegisteredAsset() public {
        VM.expectRevert(abi.encodeWithSelector(IRoyaltyPool.RoyaltyPoolUnknownAsset.selector, 9));
        POOL.payPending(9, 1);
    }

    function test_release_paysTheOwnerOfTheMoment() public {
        _pay(1, 1000);
        VM.prank(ownerOf(1));
        REGISTRY.transferFrom(ownerOf(1), address(0xB0B), 1);
        VM.expectEmit();
        emit IRoyaltyPool.RoyaltyReleased(1, address(0xB0B), 1000);
        POOL.release(1);
        assertEq(TOKEN.balanceOf(address(0xB0B)), 1000, "new owner");
        VM.expectRevert(abi.encodeWithSelector(IRoyaltyPool.RoyaltyPoolNothingEarned.selector, 1));
        POOL.release(1);
    }

    function test_release_goesToTheShareHoldersWhereThereAreShares() public {
        SHARES.create(1, address(0x5A), 4);
        _pay(1, 1000);
        VM.expectEmit();
        emit IRoyaltyPool.RoyaltyReleased(1, address(SHARES), 1000);
        POOL.release(1);
        assertEq(SHARES.claimable(1, address(0x5A)), 1000, "claimable");
        assertEq(TOKEN.allowance(address(POOL), address(SHARES)), 0, "no allowance is left");
    }

    function test_amountsThatDoNotFitAreRefused() public {
        uint256 huge = 1 << 128;
        bytes memory refusal = abi.encodeWithSelector(IRoyaltyPool.RoyaltyPoolAmountTooLarge.selector, huge);
        VM.expectRevert(refusal);
        _pay(1, huge);
        VM.expectRevert(refusal);
        POOL.payPending(1, huge);
        _pay(1, huge - 1);
        VM.expectRevert(abi.encodeWithSelector(IRoyaltyPool.RoyaltyPoolAmountTooLarge.selector, 1));
        _pay(1, 1);
    }

    function test_hostileToken_isRefusedAndCannotReleaseTwice() public {
        TOKEN.behave(HostileToken.Manner.TakesFee);
        VM.expectRevert(abi.encodeWithSelector(IRoyaltyPool.RoyaltyPoolFundsMissing.selector, 1000));
        _pay(1, 1000);
        VM.expectRevert(abi.encodeWithSelector(IRoyaltyPool.RoyaltyPoolFundsMissing.selector, 1000));
        POOL.payPending(1, 1000);
        TOKEN.behave(HostileToken.Manner.ReturnsFalse);
        VM.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(TOKEN)));
        _pay(1, 1000);
        TOKEN.behave(HostileToken.Manner.Honest);
        _pay(1, 1000);
        TOKEN.reenter(address(POOL), abi.encodeCall(POOL.release, (1)));
        POOL.release(1);
        assertEq(TOKEN.balanceOf(ownerOf(1)), 1000, "once");
    }

    function test_pause_stopsAllMoney() public {
        _pay(5, 1000);
        POOL.pause();
        bytes memory refusal = abi.encodeWithSelector(Pausable.EnforcedPause.selector);
        VM.expectRevert(refusal);
        _pay(5, 1000);
        VM.expectRevert(refusal);
        POOL.payPending(5, 1000);
        VM.expectRevert(refusal);
        _settle(1);
        VM.expectRevert(refusal);
        POOL.release(5);
    }

    function testFuzz_settle_inAnyOrderDiffersByTheRoundingOnly(uint256[6] calldata amounts, uint256 seed) public {
        uint256 paid = 0;
        for (uint256 i = 0; i < amounts.length; ++i) {
            uint256 amount = bound(amounts[i], 0, 1e12);
            paid += amount;
            _pay(4, amount);
            if ((seed >> i) & 1 == 1 && POOL.pendingOf(2) > 0) _settle(2);
            if ((seed >> (8 + i)) & 1 == 1 && POOL.pendingOf(1) > 0) _settle(1);
        }
        if (POOL.pendingOf(2) > 0) _settle(2);
        if (POOL.pendingOf(1) > 0) _settle(1);
        uint256 exact = paid * 3333 * 2500 / 100_000_000;
        assertTrue(POOL.earnedOf(1) <= exact, "never more");
        assertTrue(exact - POOL.earnedOf(1) <= 2 * amounts.length, "less than a unit a step");
        assertEq(POOL.earnedOf(1) + POOL.earnedOf(2) + POOL.earnedOf(4), paid, "to the unit");
    }
}
