// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {PayoutDistributor} from "../src/PayoutDistributor.sol";
import {PayoutToken} from "../src/PayoutToken.sol";
import {IPayoutDistributor} from "../src/interfaces/IPayoutDistributor.sol";
import {HostileToken} from "./HostileToken.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {Test} from "./Vm.sol";

contract PayoutDistributorTest is Test {
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);
    address private constant STRANGER = address(0xBAD);
    uint256 private constant TREASURY = 1_000_000_000_000;

    PayoutToken private token;
    PayoutDistributor private distributor;
    uint256 private published;
    bytes32[] private noProof;

    function setUp() public {
        token = new PayoutToken(address(this), address(this));
        distributor = new PayoutDistributor(token, address(this), address(this), address(this), address(this));
        token.mint(address(this), TREASURY);
        token.approve(address(distributor), type(uint256).max);
    }

    function test_setRoot_takesTheFundsFromThePublisher() public {
        VM.expectEmit();
        emit IPayoutDistributor.RootPublished(bytes32(0), keccak256("one"), 100);
        distributor.setRoot(bytes32(0), keccak256("one"), 100);
        distributor.setRoot(keccak256("one"), keccak256("two"), 150);
        assertEq(token.balanceOf(address(distributor)), 250, "funds");
        assertEq(token.balanceOf(address(this)), TREASURY - 250, "treasury");
        assertEq(distributor.root(), keccak256("two"), "root");
        assertEq(distributor.payoutToken(), address(token), "token");
    }

    function test_setRoot_refusesWithoutFunds() public {
        VM.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientBalance.selector, address(this), TREASURY, TREASURY + 1
            )
        );
        distributor.setRoot(bytes32(0), keccak256("one"), TREASURY + 1);
        assertEq(distributor.root(), bytes32(0), "root");
    }

    function test_setRoot_refusesReplayedAndOvertakenEpochs() public {
        distributor.setRoot(bytes32(0), keccak256("one"), 100);
        _refusesRoot(bytes32(0), keccak256("one"), keccak256("one"));
        _refusesRoot(bytes32(0), keccak256("two"), keccak256("one"));
        _refusesRoot(keccak256("other"), keccak256("two"), keccak256("one"));
    }

    function test_setRoot_refusesEmptyAndUnchangedRoot() public {
        VM.expectRevert(abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorInvalidRoot.selector, bytes32(0)));
        distributor.setRoot(bytes32(0), bytes32(0), 100);
        distributor.setRoot(bytes32(0), keccak256("one"), 100);
        bytes32 one = keccak256("one");
        VM.expectRevert(abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorInvalidRoot.selector, one));
        distributor.setRoot(one, one, 100);
    }

    function test_claim_byAnyonePaysThePayeeOnce() public {
        bytes32[] memory tree = _publish(100, 50);
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
        bytes32[] memory tree = _publish(100, 50);
        distributor.claim(ALICE, 100, MerkleTree.proof(tree, 0));
        tree = _publish(130, 60);
        assertEq(distributor.claim(ALICE, 130, MerkleTree.proof(tree, 0)), 30, "difference");
        assertEq(distributor.claim(BOB, 60, MerkleTree.proof(tree, 1)), 60, "both epochs");
        assertEq(token.balanceOf(address(distributor)), 0, "nothing left");
    }

    function test_claim_refusesOtherAmountPayeeRootAndProof() public {
        bytes32[] memory tree = _publish(100, 50);
        _refuses(ALICE, 101, MerkleTree.proof(tree, 0));
        _refuses(ALICE, 100 + (1 << 192), MerkleTree.proof(tree, 0));
        _refuses(BOB, 100, MerkleTree.proof(tree, 0));
        _refuses(ALICE, 100, MerkleTree.proof(tree, 1));
        _refuses(ALICE, 100, noProof);
        bytes32[] memory old = MerkleTree.proof(tree, 0);
        _publish(130, 60);
        _refuses(ALICE, 100, old);
    }

    function test_claim_refusesBeforeTheFirstEpoch() public {
        _refuses(ALICE, 0, noProof);
    }

    function test_claim_refusesAmountsThatDoNotFitEvenWithAProof() public {
        uint256 huge = uint256(type(uint192).max) + 1;
        bytes32 leaf = MerkleTree.leaf(address(distributor), ALICE, huge);
        distributor.setRoot(bytes32(0), leaf, 0);
        _refuses(ALICE, huge, noProof);
    }

    function test_claim_refusesProofOfAnotherChainOrDistributor() public {
        bytes32[] memory tree = _publish(100, 50);
        PayoutDistributor other =
            new PayoutDistributor(token, address(this), address(this), address(this), address(this));
        token.approve(address(other), type(uint256).max);
        other.setRoot(bytes32(0), tree[0], 150);
        bytes32[] memory proof = MerkleTree.proof(tree, 0);
        VM.expectRevert(abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorInvalidProof.selector, ALICE, 100));
        other.claim(ALICE, 100, proof);
        VM.chainId(block.chainid + 1);
        _refuses(ALICE, 100, proof);
    }

    function test_pause_stopsPublishingClaimingAndRecovering_andKeepsTheRoot() public {
        bytes32[] memory tree = _publish(100, 50);
        bytes32[] memory proof = MerkleTree.proof(tree, 0);
        distributor.announceRecovery(ALICE);
        VM.warp(block.timestamp + 365 days);
        distributor.pause();
        assertEq(distributor.root(), tree[0], "root while paused");
        bytes memory refusal = abi.encodeWithSelector(Pausable.EnforcedPause.selector);
        VM.expectRevert(refusal);
        distributor.claim(ALICE, 100, proof);
        VM.expectRevert(refusal);
        distributor.setRoot(tree[0], keccak256("two"), 150);
        VM.expectRevert(refusal);
        distributor.setRoot(bytes32(0), keccak256("two"), 150);
        VM.expectRevert(refusal);
        distributor.announceRecovery(BOB);
        VM.expectRevert(refusal);
        distributor.recover(ALICE, 100, proof, STRANGER);
        distributor.unpause();
        assertEq(distributor.root(), tree[0], "root afterwards");
        distributor.claim(ALICE, 100, proof);
    }

    function test_pause_beforeTheFirstEpochStopsItToo() public {
        distributor.pause();
        VM.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        distributor.setRoot(bytes32(0), keccak256("one"), 1);
        distributor.unpause();
        distributor.setRoot(bytes32(0), keccak256("one"), 1);
    }

    function test_recover_onlyAfterTheDelayAndOnlyWhatIsUnclaimed() public {
        bytes32[] memory tree = _publish(100, 50);
        distributor.claim(ALICE, 100, MerkleTree.proof(tree, 0));
        tree = _publish(130, 50);
        bytes32[] memory proof = MerkleTree.proof(tree, 0);
        _refusesRecovery(ALICE, 130, proof, 0);
        uint256 at = block.timestamp + 365 days;
        VM.expectEmit();
        emit IPayoutDistributor.RecoveryAnnounced(ALICE, at);
        distributor.announceRecovery(ALICE);
        assertEq(distributor.recoverableAt(ALICE), at, "announced");
        VM.warp(at - 1);
        _refusesRecovery(ALICE, 130, proof, at);
        VM.warp(at);
        _refusesRecovery(BOB, 50, MerkleTree.proof(tree, 1), 0);
        VM.expectEmit();
        emit IPayoutDistributor.Recovered(ALICE, STRANGER, 30, 130);
        distributor.recover(ALICE, 130, proof, STRANGER);
        assertEq(token.balanceOf(STRANGER), 30, "recovered");
        VM.expectRevert(abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorNothingToClaim.selector, ALICE, 130));
        distributor.claim(ALICE, 130, proof);
        _refusesRecovery(ALICE, 130, proof, 0);
    }

    function test_recover_refusesWhatWasClaimedAfterTheAnnouncement() public {
        bytes32[] memory tree = _publish(100, 50);
        bytes32[] memory proof = MerkleTree.proof(tree, 0);
        distributor.announceRecovery(ALICE);
        VM.warp(block.timestamp + 364 days);
        VM.prank(STRANGER);
        distributor.claim(ALICE, 100, proof);
        VM.warp(block.timestamp + 364 days);
        _refusesRecovery(ALICE, 100, proof, 0);
    }

    function test_recover_needsAProofLikeAClaim() public {
        _publish(100, 50);
        distributor.announceRecovery(ALICE);
        VM.warp(block.timestamp + 365 days);
        VM.expectRevert(abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorInvalidProof.selector, ALICE, 100));
        distributor.recover(ALICE, 100, noProof, STRANGER);
    }

    function test_hostileToken_cannotClaimTwiceNorCheatThePublisher() public {
        HostileToken hostile = new HostileToken();
        hostile.mint(address(this), 1000);
        PayoutDistributor own =
            new PayoutDistributor(hostile, address(this), address(this), address(this), address(this));
        hostile.approve(address(own), type(uint256).max);
        bytes32[] memory leaves = new bytes32[](2);
        leaves[0] = MerkleTree.leaf(address(own), ALICE, 400);
        leaves[1] = MerkleTree.leaf(address(own), BOB, 400);
        bytes32[] memory tree = MerkleTree.build(leaves);
        hostile.behave(HostileToken.Manner.TakesFee);
        VM.expectRevert(abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorFundsMissing.selector, 800));
        own.setRoot(bytes32(0), tree[0], 800);
        hostile.behave(HostileToken.Manner.ReturnsFalse);
        VM.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(hostile)));
        own.setRoot(bytes32(0), tree[0], 800);
        hostile.behave(HostileToken.Manner.Honest);
        own.setRoot(bytes32(0), tree[0], 800);
        hostile.behave(HostileToken.Manner.ReturnsFalse);
        VM.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(hostile)));
        own.claim(ALICE, 400, MerkleTree.proof(tree, 0));
        hostile.reenter(address(own), abi.encodeCall(own.claim, (ALICE, 400, MerkleTree.proof(tree, 0))));
        own.claim(ALICE, 400, MerkleTree.proof(tree, 0));
        assertEq(hostile.balanceOf(ALICE), 400, "once");
    }

    function test_token_hasSixDecimals() public view {
        assertEq(token.decimals(), 6, "decimals");
    }

    function testFuzz_claim_refusesForgedProofs(address payee, uint256 amount, bytes32[] calldata proof) public {
        bytes32[] memory tree = _publish(100, 50);
        VM.assume(MerkleTree.leaf(address(distributor), payee, amount) != tree[1]);
        VM.assume(MerkleTree.leaf(address(distributor), payee, amount) != tree[2]);
        _refuses(payee, amount, proof);
    }

    function testFuzz_claim_paysTheCumulativeAmountInTheEnd(uint64 first, uint64 second, bool claimBetween) public {
        uint256 alice = bound(first, 1, TREASURY / 4);
        uint256 later = alice + bound(second, 1, TREASURY / 4);
        bytes32[] memory tree = _publish(alice, 1);
        if (claimBetween) distributor.claim(ALICE, alice, MerkleTree.proof(tree, 0));
        tree = _publish(later, 1);
        distributor.claim(ALICE, later, MerkleTree.proof(tree, 0));
        assertEq(token.balanceOf(ALICE), later, "paid");
        assertEq(token.balanceOf(address(distributor)), 1, "left for bob");
    }

    function _publish(uint256 alice, uint256 bob) private returns (bytes32[] memory tree) {
        bytes32[] memory leaves = new bytes32[](2);
        leaves[0] = MerkleTree.leaf(address(distributor), ALICE, alice);
        leaves[1] = MerkleTree.leaf(address(distributor), BOB, bob);
        tree = MerkleTree.build(leaves);
        distributor.setRoot(distributor.root(), tree[0], alice + bob - published);
        published = alice + bob;
    }

    function _refuses(address payee, uint256 amount, bytes32[] memory proof) private {
        VM.expectRevert(
            abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorInvalidProof.selector, payee, amount)
        );
        distributor.claim(payee, amount, proof);
    }

    function _refusesRoot(bytes32 previous, bytes32 next, bytes32 current) private {
        VM.expectRevert(
            abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorRootChanged.selector, previous, current)
        );
        distributor.setRoot(previous, next, 100);
    }

    function _refusesRecovery(address payee, uint256 amount, bytes32[] memory proof, uint256 at) private {
        VM.expectRevert(abi.encodeWithSelector(IPayoutDistributor.PayoutDistributorNotRecoverable.selector, payee, at));
        distributor.recover(payee, amount, proof, STRANGER);
    }
}
