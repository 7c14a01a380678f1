// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {PayoutDistributor} from "../src/PayoutDistributor.sol";
import {PayoutToken} from "../src/PayoutToken.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {Test} from "./Vm.sol";

/// @title Publishes, claims, recovers and pauses at random, honestly and with stale or wrong claims
contract PayoutActions is Test {
    uint256 public constant PAYEES = 5;
    address public constant RECOVERY = address(0xCAFE);

    PayoutToken public immutable TOKEN;
    PayoutDistributor public immutable DISTRIBUTOR;
    uint256 public total;
    uint256 public recovered;
    bool public recoveredTooEarly;

    uint256[PAYEES] private _earned;
    uint256[PAYEES] private _published;
    uint256[PAYEES] private _recoveredFrom;
    uint256[PAYEES] private _lastClaimOrAnnouncement;
    bytes32[] private _tree;

    constructor() {
        TOKEN = new PayoutToken(address(this), address(this));
        DISTRIBUTOR = new PayoutDistributor(TOKEN, address(this), address(this), address(this), address(this));
        TOKEN.approve(address(DISTRIBUTOR), type(uint256).max);
    }

    function earn(uint256 payee, uint256 amount) external {
        amount = bound(amount, 1, 1_000_000);
        _earned[payee % PAYEES] += amount;
        TOKEN.mint(address(this), amount);
    }

    function publish() external {
        bytes32[] memory leaves = new bytes32[](PAYEES);
        uint256 before = total;
        total = 0;
        for (uint256 i = 0; i < PAYEES; ++i) {
            _published[i] = _earned[i];
            total += _earned[i];
            leaves[i] = MerkleTree.leaf(address(DISTRIBUTOR), payeeAt(i), _earned[i]);
        }
        _tree = MerkleTree.build(leaves);
        DISTRIBUTOR.setRoot(DISTRIBUTOR.root(), _tree[0], total - before);
    }

    function claim(uint256 payee) external {
        uint256 index = payee % PAYEES;
        DISTRIBUTOR.claim(payeeAt(index), _published[index], MerkleTree.proof(_tree, index));
        _lastClaimOrAnnouncement[index] = block.timestamp;
    }

    function claimMore(uint256 payee, uint256 extra) external {
        uint256 index = payee % PAYEES;
        uint256 amount = _published[index] + bound(extra, 1, 1_000_000);
        DISTRIBUTOR.claim(payeeAt(index), amount, MerkleTree.proof(_tree, index));
    }

    function claimWithSiblingsProof(uint256 payee) external {
        uint256 index = payee % PAYEES;
        DISTRIBUTOR.claim(payeeAt(index), _published[index], MerkleTree.proof(_tree, (index + 1) % PAYEES));
    }

    function announce(uint256 payee) external {
        DISTRIBUTOR.announceRecovery(payeeAt(payee % PAYEES));
        _lastClaimOrAnnouncement[payee % PAYEES] = block.timestamp;
    }

    function recover(uint256 payee, uint256 wait) external {
        VM.warp(block.timestamp + bound(wait, 0, 300 days));
        uint256 index = payee % PAYEES;
        bytes32[] memory proof = MerkleTree.proof(_tree, index);
        uint256 amount = DISTRIBUTOR.recover(payeeAt(index), _published[index], proof, RECOVERY);
        recovered += amount;
        _recoveredFrom[index] += amount;
        if (block.timestamp < _lastClaimOrAnnouncement[index] + 365 days) recoveredTooEarly = true;
    }

    function pauseAndResume(uint256 dice) external {
        if (DISTRIBUTOR.paused()) DISTRIBUTOR.unpause();
        else if (dice % 4 == 0) DISTRIBUTOR.pause();
    }

    function publishedFor(uint256 index) external view returns (uint256) {
        return _published[index];
    }

    function recoveredFrom(uint256 index) external view returns (uint256) {
        return _recoveredFrom[index];
    }

    function payeeAt(uint256 index) public pure returns (address) {
        return address(uint160(0x1000 + index));
    }
}

contract PayoutDistributorInvariantTest is Test {
    PayoutActions private actions;

    function setUp() public {
        actions = new PayoutActions();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actions);
    }

    function invariant_balanceCoversExactlyWhatIsPublishedAndNotPaid() public view {
        uint256 paid = 0;
        for (uint256 i = 0; i < actions.PAYEES(); ++i) {
            paid += actions.DISTRIBUTOR().claimed(actions.payeeAt(i));
        }
        assertEq(actions.TOKEN().balanceOf(address(actions.DISTRIBUTOR())), actions.total() - paid, "balance");
    }

    function invariant_nobodyIsPaidMoreThanPublished() public view {
        for (uint256 i = 0; i < actions.PAYEES(); ++i) {
            address payee = actions.payeeAt(i);
            uint256 paid = actions.TOKEN().balanceOf(payee) + actions.recoveredFrom(i);
            assertEq(paid, actions.DISTRIBUTOR().claimed(payee), "wallet, recovery and record agree");
            assertTrue(paid <= actions.publishedFor(i), "at most what was published");
        }
    }

    function invariant_recoveryTakesOnlyWhatLayForTheWholeDelay() public view {
        assertFalse(actions.recoveredTooEarly(), "delay");
        assertEq(actions.TOKEN().balanceOf(actions.RECOVERY()), actions.recovered(), "only by recovering");
    }
}
