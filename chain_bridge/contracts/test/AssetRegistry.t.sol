// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ERC2981} from "@openzeppelin/contracts/token/common/ERC2981.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {AssetRegistry} from "../src/AssetRegistry.sol";
import {IAssetRegistry} from "../src/interfaces/IAssetRegistry.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {Test} from "./Vm.sol";

contract AssetRegistryTest is Test {
    bytes32 private constant CONTENT = keccak256("content");
    bytes32 private constant METADATA = keccak256("metadata");
    bytes32 private constant CONTRIBUTIONS = keccak256("contributions");
    address private constant ALICE = address(0xA11CE);
    address private constant STRANGER = address(0xBAD);

    AssetRegistry private registry;
    uint256[] private none;
    uint16[] private noWeights;

    function setUp() public {
        registry = new AssetRegistry(address(this), address(this), address(this));
    }

    function test_register_givesTokenToOwnerAndKeepsVersion() public {
        registry.register(ALICE, 7, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        assertEq(registry.ownerOf(7), ALICE, "owner");
        assertEq(registry.versionCount(7), 1, "versions");
        assertTrue(registry.isVersion(7, 1, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights), "facts");
        assertTrue(!registry.isVersion(7, 1, METADATA, CONTENT, CONTRIBUTIONS, none, noWeights), "other facts");
        assertTrue(!registry.isVersion(7, 2, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights), "no second version");
    }

    function test_register_emitsAllFacts() public {
        registry.register(ALICE, 1, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        (uint256[] memory parents, uint16[] memory weights) = _oneParent(1, 2500);
        VM.expectEmit();
        emit IAssetRegistry.VersionAdded(2, 1, CONTENT, METADATA, CONTRIBUTIONS, parents, weights);
        VM.expectEmit();
        emit IERC721.Transfer(address(0), ALICE, 2);
        registry.register(ALICE, 2, CONTENT, METADATA, CONTRIBUTIONS, parents, weights);
    }

    function test_register_refusesSameIdTwice() public {
        registry.register(ALICE, 7, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryAlreadyRegistered.selector, 7));
        registry.register(ALICE, 7, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
    }

    function test_register_refusesUnknownParentAndItself() public {
        (uint256[] memory parents, uint16[] memory weights) = _oneParent(99, 2500);
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryUnknownParent.selector, 99));
        registry.register(ALICE, 7, CONTENT, METADATA, CONTRIBUTIONS, parents, weights);
        registry.register(ALICE, 8, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        parents[0] = 8;
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryUnknownParent.selector, 8));
        registry.addVersion(8, CONTENT, METADATA, CONTRIBUTIONS, parents, weights);
    }

    function test_register_refusesWeightsOverTheWhole() public {
        registry.register(ALICE, 1, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        (uint256[] memory parents, uint16[] memory weights) = _oneParent(1, 10_001);
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryWeightsExceedWhole.selector, 10_001));
        registry.register(ALICE, 2, CONTENT, METADATA, CONTRIBUTIONS, parents, weights);
    }

    function test_register_refusesUnequalLists() public {
        (uint256[] memory parents,) = _oneParent(1, 1);
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryParentsMismatch.selector, 1, 0));
        registry.register(ALICE, 2, CONTENT, METADATA, CONTRIBUTIONS, parents, noWeights);
    }

    function test_register_refusesTooManyParents() public {
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryTooManyParents.selector, 33, 32));
        registry.register(ALICE, 2, CONTENT, METADATA, CONTRIBUTIONS, new uint256[](33), new uint16[](33));
    }

    function test_register_refusesEmptyContent() public {
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryEmptyVersion.selector));
        registry.register(ALICE, 2, bytes32(0), METADATA, CONTRIBUTIONS, none, noWeights);
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryEmptyVersion.selector));
        registry.register(ALICE, 2, CONTENT, bytes32(0), CONTRIBUTIONS, none, noWeights);
    }

    function test_register_andAddVersion_areForRegistrarsOnly() public {
        bytes memory refusal = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, STRANGER, registry.REGISTRAR_ROLE()
        );
        VM.prank(STRANGER);
        VM.expectRevert(refusal);
        registry.register(ALICE, 7, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        VM.prank(STRANGER);
        VM.expectRevert(refusal);
        registry.addVersion(7, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
    }

    function test_addVersion_numbersWithoutGaps() public {
        registry.register(ALICE, 7, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        assertEq(registry.addVersion(7, METADATA, CONTENT, CONTRIBUTIONS, none, noWeights), 2, "second");
        assertEq(registry.addVersion(7, METADATA, METADATA, CONTRIBUTIONS, none, noWeights), 3, "third");
        assertEq(registry.versionCount(7), 3, "count");
        assertTrue(registry.isVersion(7, 1, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights), "first stays");
    }

    function test_addVersion_refusesUnknownAsset() public {
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryUnknownAsset.selector, 7));
        registry.addVersion(7, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        assertEq(registry.versionCount(7), 0, "count");
    }

    function test_supportsInterface_ofERC721AndRegistry() public view {
        assertTrue(registry.supportsInterface(type(IERC721).interfaceId), "ERC-721");
        assertTrue(registry.supportsInterface(type(IAssetRegistry).interfaceId), "registry");
        assertTrue(registry.supportsInterface(type(IAccessControl).interfaceId), "access control");
    }

    function testFuzz_register_keepsExactlyTheFactsGiven(
        uint256 id,
        bytes32 content,
        bytes32 metadata,
        uint16 weight,
        bytes32 otherContent
    ) public {
        VM.assume(content != bytes32(0) && metadata != bytes32(0) && id != 1 && otherContent != content);
        // forge-lint: disable-next-line(unsafe-typecast)
        (uint256[] memory parents, uint16[] memory weights) = _oneParent(1, uint16(bound(weight, 0, 10_000)));
        registry.register(ALICE, 1, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        registry.register(ALICE, id, content, metadata, CONTRIBUTIONS, parents, weights);
        assertTrue(registry.isVersion(id, 1, content, metadata, CONTRIBUTIONS, parents, weights), "facts");
        assertTrue(!registry.isVersion(id, 1, otherContent, metadata, CONTRIBUTIONS, parents, weights), "other content");
        assertTrue(!registry.isVersion(id, 1, content, metadata, CONTRIBUTIONS, none, noWeights), "without parents");
        assertEq(
            registry.versionCommitment(id, 1),
            keccak256(
                abi.encode(
                    keccak256(abi.encode(content, metadata, CONTRIBUTIONS)), keccak256(abi.encode(parents, weights))
                )
            ),
            "commitment"
        );
    }

    function test_register_refusesParentsThatComeLater_soNoVersionDescendsFromItself() public {
        registry.register(ALICE, 1, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        (uint256[] memory parents, uint16[] memory weights) = _oneParent(2, 2500);
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryUnknownParent.selector, 2));
        registry.register(ALICE, 3, CONTENT, METADATA, CONTRIBUTIONS, parents, weights);
    }

    function test_isContribution_holdsForTheLeavesOfTheVersionsTree() public {
        bytes32[] memory leaves = new bytes32[](3);
        leaves[0] = _contribution(ALICE, 70);
        leaves[1] = _contribution(STRANGER, 20);
        leaves[2] = _contribution(address(this), 10);
        bytes32[] memory tree = MerkleTree.build(leaves);
        (uint256[] memory parents, uint16[] memory weights) = (none, noWeights);
        registry.register(ALICE, 7, CONTENT, METADATA, tree[0], parents, weights);
        IAssetRegistry.VersionFacts memory facts =
            IAssetRegistry.VersionFacts(CONTENT, METADATA, tree[0], keccak256(abi.encode(parents, weights)));
        bytes32[] memory proof = MerkleTree.proof(tree, 0);
        assertTrue(registry.isContribution(7, 1, facts, ALICE, 70, proof), "alice");
        assertFalse(registry.isContribution(7, 1, facts, ALICE, 71, proof), "other weight");
        assertFalse(registry.isContribution(7, 1, facts, STRANGER, 70, proof), "other contributor");
        assertFalse(registry.isContribution(7, 2, facts, ALICE, 70, proof), "other version");
        assertFalse(registry.isContribution(8, 1, facts, ALICE, 70, proof), "other asset");
        facts.contributionRoot = keccak256("forged");
        assertFalse(registry.isContribution(7, 1, facts, ALICE, 70, proof), "other root");
    }

    function test_isContribution_isFalseWithoutAContributionRoot() public {
        registry.register(ALICE, 7, CONTENT, METADATA, bytes32(0), none, noWeights);
        IAssetRegistry.VersionFacts memory facts =
            IAssetRegistry.VersionFacts(CONTENT, METADATA, bytes32(0), keccak256(abi.encode(none, noWeights)));
        assertFalse(registry.isContribution(7, 1, facts, ALICE, 1, new bytes32[](0)), "none");
    }

    function test_isParentage_isForTheParentsAndWeightsRegistered() public {
        registry.register(ALICE, 1, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        (uint256[] memory parents, uint16[] memory weights) = _oneParent(1, 2500);
        registry.register(ALICE, 2, CONTENT, METADATA, CONTRIBUTIONS, parents, weights);
        bytes32 content = keccak256(abi.encode(CONTENT, METADATA, CONTRIBUTIONS));
        assertTrue(registry.isParentage(2, 1, content, parents, weights), "as registered");
        assertFalse(registry.isParentage(2, 1, content, none, noWeights), "without parents");
        assertFalse(registry.isParentage(2, 2, content, parents, weights), "no such version");
        weights[0] = 2499;
        assertFalse(registry.isParentage(2, 1, content, parents, weights), "other weight");
    }

    function test_setRoyalty_answersERC2981AndCanBeTakenAway() public {
        registry.register(ALICE, 7, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        registry.setRoyalty(7, ALICE, 500);
        (address receiver, uint256 amount) = registry.royaltyInfo(7, 10_000);
        assertEq(receiver, ALICE, "receiver");
        assertEq(amount, 500, "amount");
        registry.setRoyalty(7, ALICE, 0);
        (, amount) = registry.royaltyInfo(7, 10_000);
        assertEq(amount, 0, "taken away");
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryUnknownAsset.selector, 8));
        registry.setRoyalty(8, ALICE, 500);
        VM.expectPartialRevert(ERC2981.ERC2981InvalidTokenRoyalty.selector);
        registry.setRoyalty(7, ALICE, 10_001);
    }

    function test_pause_stopsRegisteringAndNotTransfers() public {
        registry.register(ALICE, 7, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        registry.pause();
        VM.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        registry.register(ALICE, 8, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        VM.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        registry.addVersion(7, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
        VM.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        registry.setRoyalty(7, ALICE, 500);
        VM.prank(ALICE);
        registry.transferFrom(ALICE, STRANGER, 7);
        assertEq(registry.ownerOf(7), STRANGER, "moved");
    }

    function testFuzz_register_refusesWeightsThatExceedTheWholeTogether(uint16[4] calldata given) public {
        uint256[] memory parents = new uint256[](4);
        uint16[] memory weights = new uint16[](4);
        uint256 sum = 0;
        for (uint256 i = 0; i < 4; ++i) {
            registry.register(ALICE, 10 + i, CONTENT, METADATA, CONTRIBUTIONS, none, noWeights);
            (parents[i], weights[i]) = (10 + i, given[i] % 5000);
            sum += weights[i];
        }
        if (sum > 10_000) {
            VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryWeightsExceedWhole.selector, sum));
        }
        registry.register(ALICE, 2, CONTENT, METADATA, CONTRIBUTIONS, parents, weights);
    }

    function _contribution(address contributor, uint256 weight) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(contributor, weight))));
    }

    function _oneParent(uint256 id, uint16 weight)
        private
        pure
        returns (uint256[] memory parents, uint16[] memory weights)
    {
        parents = new uint256[](1);
        weights = new uint16[](1);
        parents[0] = id;
        weights[0] = weight;
    }
}
