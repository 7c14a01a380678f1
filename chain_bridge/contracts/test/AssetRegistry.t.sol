// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {AssetRegistry} from "../src/AssetRegistry.sol";
import {IAssetRegistry} from "../src/interfaces/IAssetRegistry.sol";
import {Test} from "./Vm.sol";

contract AssetRegistryTest is Test {
    bytes32 private constant CONTENT = keccak256("content");
    bytes32 private constant METADATA = keccak256("metadata");
    address private constant ALICE = address(0xA11CE);
    address private constant STRANGER = address(0xBAD);

    AssetRegistry private registry;
    uint256[] private none;
    uint16[] private noWeights;

    function setUp() public {
        registry = new AssetRegistry(address(this), address(this));
    }

    function test_register_givesTokenToOwnerAndKeepsVersion() public {
        registry.register(ALICE, 7, CONTENT, METADATA, none, noWeights);
        assertEq(registry.ownerOf(7), ALICE, "owner");
        assertEq(registry.versionCount(7), 1, "versions");
        assertTrue(registry.isVersion(7, 1, CONTENT, METADATA, none, noWeights), "facts");
        assertTrue(!registry.isVersion(7, 1, METADATA, CONTENT, none, noWeights), "other facts");
        assertTrue(!registry.isVersion(7, 2, CONTENT, METADATA, none, noWeights), "no second version");
    }

    function test_register_emitsAllFacts() public {
        registry.register(ALICE, 1, CONTENT, METADATA, none, noWeights);
        (uint256[] memory parents, uint16[] memory weights) = _oneParent(1, 2500);
        VM.expectEmit();
        emit IAssetRegistry.VersionAdded(2, 1, CONTENT, METADATA, parents, weights);
        VM.expectEmit();
        emit IERC721.Transfer(address(0), ALICE, 2);
        registry.register(ALICE, 2, CONTENT, METADATA, parents, weights);
    }

    function test_register_refusesSameIdTwice() public {
        registry.register(ALICE, 7, CONTENT, METADATA, none, noWeights);
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryAlreadyRegistered.selector, 7));
        registry.register(ALICE, 7, CONTENT, METADATA, none, noWeights);
    }

    function test_register_refusesUnknownParentAndItself() public {
        (uint256[] memory parents, uint16[] memory weights) = _oneParent(99, 2500);
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryUnknownParent.selector, 99));
        registry.register(ALICE, 7, CONTENT, METADATA, parents, weights);
        registry.register(ALICE, 8, CONTENT, METADATA, none, noWeights);
        parents[0] = 8;
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryUnknownParent.selector, 8));
        registry.addVersion(8, CONTENT, METADATA, parents, weights);
    }

    function test_register_refusesWeightsOverTheWhole() public {
        registry.register(ALICE, 1, CONTENT, METADATA, none, noWeights);
        (uint256[] memory parents, uint16[] memory weights) = _oneParent(1, 10_001);
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryWeightsExceedWhole.selector, 10_001));
        registry.register(ALICE, 2, CONTENT, METADATA, parents, weights);
    }

    function test_register_refusesUnequalLists() public {
        (uint256[] memory parents,) = _oneParent(1, 1);
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryParentsMismatch.selector, 1, 0));
        registry.register(ALICE, 2, CONTENT, METADATA, parents, noWeights);
    }

    function test_register_refusesTooManyParents() public {
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryTooManyParents.selector, 33, 32));
        registry.register(ALICE, 2, CONTENT, METADATA, new uint256[](33), new uint16[](33));
    }

    function test_register_refusesEmptyContent() public {
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryEmptyVersion.selector));
        registry.register(ALICE, 2, bytes32(0), METADATA, none, noWeights);
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryEmptyVersion.selector));
        registry.register(ALICE, 2, CONTENT, bytes32(0), none, noWeights);
    }

    function test_register_andAddVersion_areForRegistrarsOnly() public {
        bytes memory refusal = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, STRANGER, registry.REGISTRAR_ROLE()
        );
        VM.prank(STRANGER);
        VM.expectRevert(refusal);
        registry.register(ALICE, 7, CONTENT, METADATA, none, noWeights);
        VM.prank(STRANGER);
        VM.expectRevert(refusal);
        registry.addVersion(7, CONTENT, METADATA, none, noWeights);
    }

    function test_addVersion_numbersWithoutGaps() public {
        registry.register(ALICE, 7, CONTENT, METADATA, none, noWeights);
        assertEq(registry.addVersion(7, METADATA, CONTENT, none, noWeights), 2, "second");
        assertEq(registry.addVersion(7, METADATA, METADATA, none, noWeights), 3, "third");
        assertEq(registry.versionCount(7), 3, "count");
        assertTrue(registry.isVersion(7, 1, CONTENT, METADATA, none, noWeights), "first stays");
    }

    function test_addVersion_refusesUnknownAsset() public {
        VM.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetRegistryUnknownAsset.selector, 7));
        registry.addVersion(7, CONTENT, METADATA, none, noWeights);
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
        registry.register(ALICE, 1, CONTENT, METADATA, none, noWeights);
        registry.register(ALICE, id, content, metadata, parents, weights);
        assertTrue(registry.isVersion(id, 1, content, metadata, parents, weights), "facts");
        assertTrue(!registry.isVersion(id, 1, otherContent, metadata, parents, weights), "other content");
        assertTrue(!registry.isVersion(id, 1, content, metadata, none, noWeights), "without parents");
        assertEq(
            registry.versionCommitment(id, 1), keccak256(abi.encode(content, metadata, parents, weights)), "commitment"
        );
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
