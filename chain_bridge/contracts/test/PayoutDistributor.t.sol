// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {PayoutDistributor} from "../src/PayoutDistributor.sol";
import {PayoutToken} from "../src/PayoutToken.sol";
import {IPayoutDistributor} from "../src/interfaces/IPayoutDistributor.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {Test} from "./Vm.sol";

contract PayoutDistributorTest is Test {
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);
    address private constant STRANGER = address(0xBAD);
    uint256 private constant TREASURY = 1_000_000_000_000;

    PayoutToken private token;
    PayoutDistributor private distributor;
    bytes32[] private noProof;

    function setUp() public {
        token = new PayoutToken(address(this), address(this));
        distributor = new PayoutDistributor(token, address(this), address(this));
        token.mint(address(this), TREASURY);
        token.approve(address(distributor), type(uint256).max);
    }

    function test_setRoot_takesTheAddedFundsFromThePublisher() public {
        distributor.setRoot(1, keccak256("one"), 100);
        distributor.setRoot(2, keccak256("two"), 250);
        assertEq(token.balanceOf(address(distributor)), 250, "funds");
        assertEq(token.balanceOf(address(this)), TREASURY - 250, "treasury");
        (uint64 epoch, bytes32 root, uint256 total) = distributor.current();
        assertEq(epoch, 2, "epoch");
        assertEq(root, keccak256("two"), "root");
        assertEq(total, 250, "total");
        assertEq(distributor.payoutToken(), address(token), "token");
    }

    function test_setRoot_refusesWithoutFunds() public {
        VM.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientBalance.selector, address(this), TREASURY, TREASURY + 1
            )
        );
        distributor.setRoot(1, keccak256("one"), TREASURY + 1);
        (uint64 epoch,,) = distributor.current();
        assertEq(epoch, 0, "epoch");
    }

    function test_setRoot_refusesRepeatedAndSkippedEpochs() public {
        distributor.setRoot(1, keccak256("one"), 100);
        VM.expectRevert(abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorEpochOutOfOrder.selector, 1, 2));
        distributor.setRoot(1, keccak256("one"), 100);
        VM.expectRevert(abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorEpochOutOfOrder.selector, 3, 2));
        distributor.setRoot(3, keccak256("three"), 100);
    }

    function test_setRoot_refusesSmallerTotalEmptyRootAndOverflow() public {
        distributor.setRoot(1, keccak256("one"), 100);
        VM.expectRevert(abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorTotalDecreased.selector, 99, 100));
        distributor.setRoot(2, keccak256("two"), 99);
        VM.expectRevert(abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorEmptyRoot.selector));
        distributor.setRoot(2, bytes32(0), 100);
        uint256 tooLarge = uint256(type(uint192).max) + 1;
        VM.expectRevert(abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorTotalTooLarge.selector, tooLarge));
        distributor.setRoot(2, keccak256("two"), tooLarge);
    }

    function test_setRoot_isForPublishersOnly() public {
        bytes32 role = distributor.PUBLISHER_ROLE();
        VM.prank(STRANGER);
        VM.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, STRANGER, role)
        );
        distributor.setRoot(1, keccak256("one"), 0);
    }

    function test_claim_byAnyonePaysThePayeeOnce() public {
        bytes32[] memory tree = _publish(1, 100, 50);
        VM.expectEmit();
        emit IPayoutDistributor.Claimed(ALICE, 100, 100);
        VM.prank(STRANGER);
        distributor.claim(ALICE, 100, MerkleTree.proof(tree, 0));
        assertEq(token.balanceOf(ALICE), 100, "alice");
        assertEq(token.balanceOf(STRANGER), 0, "stranger");
        assertEq(distributor.claimed(ALICE), 100, "claimed");
        VM.expectRevert(abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorNothingToClaim.selector, ALICE, 100));
        distributor.claim(ALICE, 100, MerkleTree.proof(tree, 0));
    }

    function test_claim_paysTheDifferenceOfLaterEpochs() public {
        bytes32[] memory tree = _publish(1, 100, 50);
        distributor.claim(ALICE, 100, MerkleTree.proof(tree, 0));
        tree = _publish(2, 130, 60);
        assertEq(distributor.claim(ALICE, 130, MerkleTree.proof(tree, 0)), 30, "difference");
        assertEq(distributor.claim(BOB, 60, MerkleTree.proof(tree, 1)), 60, "both epochs");
        assertEq(token.balanceOf(address(distributor)), 0, "nothing left");
    }

    function test_claim_refusesOtherAmountPayeeRootAndProof() public {
        bytes32[] memory tree = _publish(1, 100, 50);
        _refuses(ALICE, 101, MerkleTree.proof(tree, 0));
        _refuses(BOB, 100, MerkleTree.proof(tree, 0));
        _refuses(ALICE, 100, MerkleTree.proof(tree, 1));
        _refuses(ALICE, 100, noProof);
        bytes32[] memory old = MerkleTree.proof(tree, 0);
        _publish(2, 130, 60);
        _refuses(ALICE, 100, old);
    }

    function test_claim_refusesProofOfAnotherChainOrDistributor() public {
        bytes32[] memory tree = _publish(1, 100, 50);
        PayoutDistributor other = new PayoutDistributor(token, address(this), address(this));
        token.approve(address(other), type(uint256).max);
        other.setRoot(1, tree[0], 150);
        bytes32[] memory proof = MerkleTree.proof(tree, 0);
        VM.expectRevert(abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorInvalidProof.selector, ALICE, 100));
        other.claim(ALICE, 100, proof);
        VM.chainId(block.chainid + 1);
        _refuses(ALICE, 100, proof);
    }

    function test_pause_stopsPublishingAndClaiming() public {
        bytes32[] memory tree = _publish(1, 100, 50);
        distributor.pause();
        VM.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        distributor.claim(ALICE, 100, MerkleTree.proof(tree, 0));
        VM.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        distributor.setRoot(2, keccak256("two"), 150);
        distributor.unpause();
        distributor.claim(ALICE, 100, MerkleTree.proof(tree, 0));
    }

    function test_pause_isForPausersOnly() public {
        bytes memory refusal = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, STRANGER, distributor.PAUSER_ROLE()
        );
        VM.prank(STRANGER);
        VM.expectRevert(refusal);
        distributor.pause();
        VM.prank(STRANGER);
        VM.expectRevert(refusal);
        distributor.unpause();
    }

    function test_token_isMintedByMintersOnly_withSixDecimals() public {
        bytes32 role = token.MINTER_ROLE();
        assertEq(token.decimals(), 6, "decimals");
        VM.prank(STRANGER);
        VM.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, STRANGER, role)
        );
        token.mint(STRANGER, 1);
    }

    function testFuzz_claim_refusesForgedProofs(address payee, uint256 amount, bytes32[] calldata proof) public {
        bytes32[] memory tree = _publish(1, 100, 50);
        VM.assume(MerkleTree.leaf(address(distributor), payee, amount) != tree[1]);
        VM.assume(MerkleTree.leaf(address(distributor), payee, amount) != tree[2]);
        VM.expectRevert(
            abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorInvalidProof.selector, payee, amount)
        );
        distributor.claim(payee, amount, proof);
    }

    function testFuzz_claim_paysTheCumulativeAmountInTheEnd(uint64 first, uint64 second, bool claimBetween) public {
        uint256 alice = bound(first, 1, TREASURY / 4);
        uint256 later = alice + bound(second, 1, TREASURY / 4);
        bytes32[] memory tree = _publish(1, alice, 1);
        if (claimBetween) distributor.claim(ALICE, alice, MerkleTree.proof(tree, 0));
        tree = _publish(2, later, 1);
        distributor.claim(ALICE, later, MerkleTree.proof(tree, 0));
        assertEq(token.balanceOf(ALICE), later, "paid");
        assertEq(token.balanceOf(address(distributor)), 1, "left for bob");
    }

    function _publish(uint64 epoch, uint256 alice, uint256 bob) private returns (bytes32[] memory tree) {
        bytes32[] memory leaves = new bytes32[](2);
        leaves[0] = MerkleTree.leaf(address(distributor), ALICE, alice);
        leaves[1] = MerkleTree.leaf(address(distributor), BOB, bob);
        tree = MerkleTree.build(leaves);
        distributor.setRoot(epoch, tree[0], alice + bob);
    }

    function _refuses(address payee, uint256 amount, bytes32[] memory proof) private {
        VM.expectRevert(
            abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorInvalidProof.selector, payee, amount)
        );
        distributor.claim(payee, amount, proof);
    }
}
