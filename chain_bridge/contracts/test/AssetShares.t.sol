// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {AssetShares} from "../src/AssetShares.sol";
import {IAssetShares} from "../src/interfaces/IAssetShares.sol";
import {AssetRegistry} from "../src/AssetRegistry.sol";
import {HostileToken} from "./HostileToken.sol";
import {Test} from "./Vm.sol";

/// @title Deposits, transfers and claims at random, beside a model that counts in fractions
contract ShareActions is Test {
    uint256 public constant HOLDERS = 4;
    uint256 public constant SUPPLY = 1_000_003;
    uint256 public constant ASSET = 7;

    HostileToken public immutable TOKEN;
    AssetShares public immutable SHARES;
    uint256 public deposited;
    uint256 public deposits;
    uint256 public claimedTotal;
    /// @notice What each holder has earned, in units times SUPPLY: exact, as each deposit's part is kept as a fraction.
    mapping(address holder => uint256 amount) public earned;
    mapping(address holder => uint256 amount) public claimed;

    constructor() {
        TOKEN = new HostileToken();
        AssetRegistry registry = new AssetRegistry(address(this), address(this), address(this));
        SHARES = new AssetShares(address(this), registry, TOKEN, address(this), address(this));
        registry.register(
            address(1), ASSET, keccak256("c"), keccak256("m"), bytes32(0), new uint256[](0), new uint16[](0)
        );
        SHARES.create(ASSET, holderAt(0), SUPPLY);
        TOKEN.approve(address(SHARES), type(uint256).max);
    }

    function deposit(uint256 amount) external {
        amount = bound(amount, 0, 1e12);
        TOKEN.mint(address(this), amount);
        SHARES.deposit(ASSET, amount);
        deposited += amount;
        ++deposits;
        for (uint256 i = 0; i < HOLDERS; ++i) {
            earned[holderAt(i)] += amount * SHARES.balanceOf(holderAt(i), ASSET);
        }
    }

    function move(uint256 from, uint256 to, uint256 value) external {
        address source = holderAt(from % HOLDERS);
        value = bound(value, 0, SHARES.balanceOf(source, ASSET));
        VM.prank(source);
        SHARES.safeTransferFrom(source, holderAt(to % HOLDERS), ASSET, value, "");
    }

    function moveInBatch(uint256 from, uint256 to, uint256 value) external {
        address source = holderAt(from % HOLDERS);
        value = bound(value, 0, SHARES.balanceOf(source, ASSET) / 2);
        uint256[] memory ids = new uint256[](2);
        uint256[] memory values = new uint256[](2);
        (ids[0], ids[1], values[0], values[1]) = (ASSET, ASSET, value, value);
        VM.prank(source);
        SHARES.safeBatchTransferFrom(source, holderAt(to % HOLDERS), ids, values, "");
    }

    function claim(uint256 who) external {
        address holder = holderAt(who % HOLDERS);
        uint256 amount = SHARES.claim(ASSET, holder);
        claimed[holder] += amount;
        claimedTotal += amount;
    }

    function holderAt(uint256 index) public pure returns (address) {
        return address(uint160(0x1000 + index));
    }
}

contract AssetSharesInvariantTest is Test {
    ShareActions private actions;

    function setUp() public {
        actions = new ShareActions();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actions);
    }

    function invariant_supplyIsFixed() public view {
        uint256 sum = 0;
        for (uint256 i = 0; i < actions.HOLDERS(); ++i) {
            sum += actions.SHARES().balanceOf(actions.holderAt(i), actions.ASSET());
        }
        assertEq(sum, actions.SUPPLY(), "sum of balances");
        assertEq(actions.SHARES().totalSupply(actions.ASSET()), actions.SUPPLY(), "supply");
    }

    function invariant_claimableIsCovered_andDustIsBelowOneUnitAHolderAndADeposit() public view {
        uint256 owed = 0;
        for (uint256 i = 0; i < actions.HOLDERS(); ++i) {
            owed += actions.SHARES().claimable(actions.ASSET(), actions.holderAt(i));
        }
        uint256 balance = actions.TOKEN().balanceOf(address(actions.SHARES()));
        assertEq(balance, actions.deposited() - actions.claimedTotal(), "balance");
        assertTrue(owed <= balance, "covered");
        assertTrue(balance - owed <= actions.HOLDERS() + actions.deposits(), "dust");
    }

    function invariant_everyHolderIsOwedTheExactPart_downToOneUnitAndADeposits() public view {
        for (uint256 i = 0; i < actions.HOLDERS(); ++i) {
            address holder = actions.holderAt(i);
            uint256 exact = actions.earned(holder) / actions.SUPPLY();
            uint256 got = actions.claimed(holder) + actions.SHARES().claimable(actions.ASSET(), holder);
            assertTrue(got <= exact, "never more");
            assertTrue(exact - got <= 1 + actions.deposits(), "never much less");
        }
    }
}

contract AssetSharesTest is Test {
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);

    HostileToken private token;
    AssetShares private shares;

    function setUp() public {
        token = new HostileToken();
        AssetRegistry registry = new AssetRegistry(address(this), address(this), address(this));
        shares = new AssetShares(address(this), registry, token, address(this), address(this));
        registry.register(ALICE, 7, keccak256("c"), keccak256("m"), bytes32(0), new uint256[](0), new uint16[](0));
        token.mint(address(this), 1_000_000);
        token.approve(address(shares), type(uint256).max);
    }

    function test_create_givesAllSharesOnce() public {
        VM.expectEmit();
        emit IAssetShares.SharesCreated(7, ALICE, 1000);
        VM.expectEmit();
        emit IERC1155.TransferSingle(address(this), address(0), ALICE, 7, 1000);
        shares.create(7, ALICE, 1000);
        assertEq(shares.balanceOf(ALICE, 7), 1000, "all");
        assertEq(shares.totalSupply(7), 1000, "supply");
        VM.expectRevert(abi.encodeWithSelector(IAssetShares.AssetSharesAlreadyCreated.selector, 7));
        shares.create(7, ALICE, 1000);
    }

    function test_create_refusesUnknownAssetsAndSupplies() public {
        VM.expectRevert(abi.encodeWithSelector(IAssetShares.AssetSharesUnknownAsset.selector, 8));
        shares.create(8, ALICE, 1000);
        VM.expectRevert(abi.encodeWithSelector(IAssetShares.AssetSharesInvalidSupply.selector, 0));
        shares.create(7, ALICE, 0);
        VM.expectRevert(abi.encodeWithSelector(IAssetShares.AssetSharesInvalidSupply.selector, 1 << 64));
        shares.create(7, ALICE, 1 << 64);
    }

    function test_transfer_leavesEarlierRevenueWithTheSeller() public {
        shares.create(7, ALICE, 1000);
        shares.deposit(7, 10_000);
        VM.prank(ALICE);
        shares.safeTransferFrom(ALICE, BOB, 7, 250, "");
        shares.deposit(7, 1000);
        assertEq(shares.claimable(7, ALICE), 10_750, "alice");
        assertEq(shares.claimable(7, BOB), 250, "bob");
        VM.expectEmit();
        emit IAssetShares.RevenueClaimed(7, BOB, 250);
        shares.claim(7, BOB);
        assertEq(token.balanceOf(BOB), 250, "paid");
        VM.expectRevert(abi.encodeWithSelector(IAssetShares.AssetSharesNothingToClaim.selector, 7, BOB));
        shares.claim(7, BOB);
    }

    function test_transfer_toItselfChangesNothing() public {
        shares.create(7, ALICE, 1000);
        shares.deposit(7, 10_000);
        VM.prank(ALICE);
        shares.safeTransferFrom(ALICE, ALICE, 7, 600, "");
        assertEq(shares.balanceOf(ALICE, 7), 1000, "shares");
        assertEq(shares.claimable(7, ALICE), 10_000, "revenue");
    }

    function test_transfer_refusesMoreThanHeldAndStrangers() public {
        shares.create(7, ALICE, 1000);
        VM.expectRevert(
            abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, ALICE, 1000, 1001, 7)
        );
        VM.prank(ALICE);
        shares.safeTransferFrom(ALICE, BOB, 7, 1001, "");
        VM.expectRevert(abi.encodeWithSelector(IERC1155Errors.ERC1155MissingApprovalForAll.selector, BOB, ALICE));
        VM.prank(BOB);
        shares.safeTransferFrom(ALICE, BOB, 7, 1, "");
        VM.expectRevert(abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidArrayLength.selector, 1, 2));
        VM.prank(ALICE);
        shares.safeBatchTransferFrom(ALICE, BOB, new uint256[](1), new uint256[](2), "");
    }

    function test_deposit_needsSharesAndAHonestToken() public {
        VM.expectRevert(abi.encodeWithSelector(IAssetShares.AssetSharesNotCreated.selector, 7));
        shares.deposit(7, 1);
        shares.create(7, ALICE, 3);
        token.behave(HostileToken.Manner.TakesFee);
        VM.expectRevert(abi.encodeWithSelector(IAssetShares.AssetSharesFundsMissing.selector, 1000));
        shares.deposit(7, 1000);
        token.behave(HostileToken.Manner.ReturnsFalse);
        VM.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(token)));
        shares.deposit(7, 1000);
    }

    function test_claim_cannotBeRepeatedByReentering() public {
        shares.create(7, ALICE, 3);
        shares.deposit(7, 1000);
        token.reenter(address(shares), abi.encodeCall(shares.claim, (7, ALICE)));
        assertEq(shares.claim(7, ALICE), 999, "whole units");
        token.behave(HostileToken.Manner.Honest);
        shares.deposit(7, 2);
        assertEq(shares.claimable(7, ALICE), 2, "the fraction was kept, but for what the deposits rounded");
    }

    function test_pause_stopsDepositsClaimsTransfersAndCreation() public {
        shares.create(7, ALICE, 3);
        shares.deposit(7, 1000);
        shares.pause();
        bytes memory refusal = abi.encodeWithSelector(Pausable.EnforcedPause.selector);
        VM.expectRevert(refusal);
        shares.deposit(7, 1);
        VM.expectRevert(refusal);
        shares.claim(7, ALICE);
        VM.expectRevert(refusal);
        shares.create(8, ALICE, 3);
        VM.expectRevert(refusal);
        VM.prank(ALICE);
        shares.safeTransferFrom(ALICE, BOB, 7, 1, "");
    }

    function test_supportsInterface_ofERC1155() public view {
        assertTrue(shares.supportsInterface(type(IERC1155).interfaceId), "ERC-1155");
        assertTrue(shares.supportsInterface(type(IAssetShares).interfaceId), "shares");
    }
}
