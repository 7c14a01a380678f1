// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {AssetRegistry} from "../src/AssetRegistry.sol";
import {AssetShares} from "../src/AssetShares.sol";
import {CustodyAccounts} from "../src/CustodyAccounts.sol";
import {LedgerAnchor} from "../src/LedgerAnchor.sol";
import {LicenseBook} from "../src/LicenseBook.sol";
import {PayoutDistributor} from "../src/PayoutDistributor.sol";
import {PayoutToken} from "../src/PayoutToken.sol";
import {RoyaltyPool} from "../src/RoyaltyPool.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {ShareClone} from "./ShareClone.sol";
import {Test} from "./Vm.sol";

/// @title Makes a clone and fills it in one transaction, as a factory would
contract CloneMaker {
    function create(address implementation, uint256 asset, address holder, uint256 supply) external {
        ShareClone(Clones.cloneDeterministic(implementation, bytes32(asset))).initialize(holder, supply);
    }

    function cloneOf(address implementation, uint256 asset) external view returns (address) {
        return Clones.predictDeterministicAddress(implementation, bytes32(asset));
    }
}

/// @title Gas of whole transactions, recorded in `snapshots/` and compared by `make check`
/// @dev Only in isolation (`forge test --isolate`) is each call its own transaction, with its own cold storage.
/// forge-config: default.isolate = true
contract GasTest is Test {
    bytes32 private constant CONTENT = keccak256("content");
    bytes32 private constant METADATA = keccak256("metadata");
    bytes32 private constant CONTRIBUTIONS = keccak256("contributions");
    uint256 private constant ASSET = 0x0192f0c3a1b27c4d8e5f60718293a4b5;
    uint256 private constant PARENT = 0x0192f0c3a1b27c4d8e5f60718293a400;
    address private constant ALICE = address(uint160(uint256(keccak256("alice"))));
    address private constant BOB = address(uint160(uint256(keccak256("bob"))));

    PayoutToken private token;
    AssetRegistry private registry;
    uint256[] private none;
    uint16[] private noWeights;

    function setUp() public {
        token = new PayoutToken(address(this), address(this));
        token.mint(address(this), 1_000_000_000_000);
        registry = new AssetRegistry(address(this), address(this), address(this));
        for (uint256 i = 0; i < 4; ++i) {
            registry.register(ALICE, PARENT + i, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        }
    }

    function test_gas_payouts() public {
        PayoutDistributor distributor =
            new PayoutDistributor(token, address(this), address(this), address(this), address(this));
        token.approve(address(distributor), type(uint256).max);
        token.transfer(address(distributor), 1);
        bytes32[] memory leaves = new bytes32[](1000);
        leaves[0] = MerkleTree.leaf(address(distributor), ALICE, 5_000_000);
        for (uint256 i = 1; i < leaves.length; ++i) {
            leaves[i] = keccak256(abi.encode(i));
        }
        bytes32[] memory first = MerkleTree.build(leaves);
        distributor.setRoot(bytes32(0), first[0], 5_000_000);
        VM.snapshotGasLastCall("payouts", "setRoot, first ever");
        distributor.claim(ALICE, 5_000_000, MerkleTree.proof(first, 0));
        VM.snapshotGasLastCall("payouts", "claim among 1,000, payee's first");
        leaves[0] = MerkleTree.leaf(address(distributor), ALICE, 12_000_000);
        bytes32[] memory second = MerkleTree.build(leaves);
        distributor.setRoot(first[0], second[0], 7_000_000);
        VM.snapshotGasLastCall("payouts", "setRoot");
        distributor.claim(ALICE, 12_000_000, MerkleTree.proof(second, 0));
        VM.snapshotGasLastCall("payouts", "claim among 1,000, known payee");
        distributor.announceRecovery(ALICE);
        VM.snapshotGasLastCall("payouts", "announceRecovery");
        distributor.pause();
        VM.snapshotGasLastCall("payouts", "pause");
        LedgerAnchor anchor = new LedgerAnchor(address(this), address(this));
        anchor.commit(1, CONTENT);
        anchor.commit(2, METADATA);
        VM.snapshotGasLastCall("payouts", "LedgerAnchor.commit");
    }

    function test_gas_registry() public {
        registry.register(ALICE, ASSET, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        VM.snapshotGasLastCall("registry", "register without parents, known owner");
        (uint256[] memory parents, uint16[] memory weights) = _parents(1);
        registry.register(BOB, ASSET + 1, CONTENT, METADATA, CONTRIBUTIONS, parents, weights);
        VM.snapshotGasLastCall("registry", "register with 1 parent, new owner");
        registry.register(BOB, ASSET + 2, CONTENT, METADATA, CONTRIBUTIONS, parents, weights);
        VM.snapshotGasLastCall("registry", "register with 1 parent, known owner");
        registry.addVersion(ASSET + 2, CONTENT, METADATA, CONTRIBUTIONS, parents, weights);
        VM.snapshotGasLastCall("registry", "addVersion with 1 parent, first");
        (parents, weights) = _parents(3);
        registry.register(BOB, ASSET + 3, CONTENT, METADATA, CONTRIBUTIONS, parents, weights);
        VM.snapshotGasLastCall("registry", "register with 3 parents, known owner");
    }

    function test_gas_licences() public {
        RoyaltyPool pool = new RoyaltyPool(address(this), registry, token, _shares(), address(this));
        LicenseBook book = new LicenseBook(address(this), registry, pool, token, address(this), address(this));
        token.approve(address(book), type(uint256).max);
        book.addTerms(CONTENT, 1, true, true);
        VM.snapshotGasLastCall("licences", "addTerms, first");
        book.issue(ALICE, PARENT, CONTENT, 2_000_000_000);
        VM.snapshotGasLastCall("licences", "issue");
        book.issue(ALICE, PARENT, CONTENT, 2_100_000_000);
        VM.snapshotGasLastCall("licences", "issue again: extend");
        book.setOffer(PARENT, 1, CONTENT, 5_000_000, 30 days);
        book.buy(PARENT, 1, BOB, 5_000_000);
        book.buy(PARENT, 1, address(0xB0B), 5_000_000);
        VM.snapshotGasLastCall("licences", "buy");
        book.revoke(ALICE, PARENT, 1, METADATA);
        VM.snapshotGasLastCall("licences", "revoke");
    }

    function test_gas_royalties() public {
        RoyaltyPool pool = new RoyaltyPool(address(this), registry, token, _shares(), address(this));
        token.approve(address(pool), type(uint256).max);
        bytes32 content = keccak256(abi.encode(CONTENT, METADATA, CONTRIBUTIONS));
        pool.payPending(PARENT + 3, 1);
        for (uint256 i = 0; i < 3; ++i) {
            (uint256[] memory parents, uint16[] memory weights) = _parents(i == 2 ? 3 : i);
            registry.register(ALICE, ASSET + i, CONTENT, METADATA, CONTRIBUTIONS, parents, weights);
            pool.pay(ASSET + i, 1, content, parents, weights, 9_000_000);
            pool.pay(ASSET + i, 1, content, parents, weights, 9_000_000);
            if (i == 0) VM.snapshotGasLastCall("royalties", "pay without parents");
            if (i == 1) VM.snapshotGasLastCall("royalties", "pay through 1 parent");
            if (i == 2) VM.snapshotGasLastCall("royalties", "pay through 3 parents");
        }
        pool.settle(PARENT, 1, content, none, noWeights);
        VM.snapshotGasLastCall("royalties", "settle without parents");
        token.transfer(ALICE, 1);
        pool.release(ASSET);
        VM.snapshotGasLastCall("royalties", "release to a known owner");
    }

    function test_gas_sharesAsERC1155() public {
        AssetShares shares = _shares();
        token.approve(address(shares), type(uint256).max);
        shares.create(PARENT, ALICE, 1_000_000);
        VM.snapshotGasLastCall("shares", "create");
        shares.deposit(PARENT, 1_000_000);
        shares.deposit(PARENT, 1_000_000);
        VM.snapshotGasLastCall("shares", "deposit");
        VM.prank(ALICE);
        shares.safeTransferFrom(ALICE, BOB, PARENT, 1000, "");
        VM.snapshotGasLastCall("shares", "transfer to a new holder");
        shares.deposit(PARENT, 1_000_000);
        VM.prank(ALICE);
        shares.safeTransferFrom(ALICE, BOB, PARENT, 1000, "");
        VM.prank(ALICE);
        shares.safeTransferFrom(ALICE, BOB, PARENT, 1000, "");
        VM.snapshotGasLastCall("shares", "transfer to a known holder, nothing new earned");
        shares.claim(PARENT, ALICE);
        shares.deposit(PARENT, 1_000_000);
        shares.claim(PARENT, ALICE);
        VM.snapshotGasLastCall("shares", "claim, known holder");
    }

    /// @dev The alternative that docs/adr/0008 weighs: a clone of an ERC-20 contract for each asset.
    function test_gas_sharesAsERC20Clones() public {
        ShareClone implementation = new ShareClone(token);
        CloneMaker maker = new CloneMaker();
        maker.create(address(implementation), PARENT, ALICE, 1_000_000);
        VM.snapshotGasLastCall("clones", "create");
        ShareClone shares = ShareClone(maker.cloneOf(address(implementation), PARENT));
        token.approve(address(shares), type(uint256).max);
        shares.deposit(1_000_000);
        shares.deposit(1_000_000);
        VM.snapshotGasLastCall("clones", "deposit");
        VM.prank(ALICE);
        shares.transfer(BOB, 1000);
        VM.snapshotGasLastCall("clones", "transfer to a new holder");
        shares.deposit(1_000_000);
        VM.prank(ALICE);
        shares.transfer(BOB, 1000);
        VM.prank(ALICE);
        shares.transfer(BOB, 1000);
        VM.snapshotGasLastCall("clones", "transfer to a known holder, nothing new earned");
        shares.claim(ALICE);
        shares.deposit(1_000_000);
        shares.claim(ALICE);
        VM.snapshotGasLastCall("clones", "claim, known holder");
    }

    function test_gas_custody() public {
        CustodyAccounts accounts = new CustodyAccounts(address(this), address(this), address(this));
        token.transfer(accounts.accountOf(CONTENT), 100);
        bytes memory call = abi.encodeCall(token.transfer, (ALICE, 1));
        accounts.execute(CONTENT, address(token), call);
        VM.snapshotGasLastCall("custody", "execute, deploys the account");
        accounts.execute(CONTENT, address(token), call);
        VM.snapshotGasLastCall("custody", "execute");
    }

    function _shares() private returns (AssetShares) {
        return new AssetShares(address(this), registry, token, address(this), address(this));
    }

    function _parents(uint256 count) private pure returns (uint256[] memory parents, uint16[] memory weights) {
        parents = new uint256[](count);
        weights = new uint16[](count);
        for (uint256 i = 0; i < count; ++i) {
            parents[i] = PARENT + i;
            weights[i] = 1000;
        }
    }
}
