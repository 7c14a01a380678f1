// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";

/// @title ERC-721 registry of AI assets with versions and provenance
/// @notice See {IAssetRegistry}. The token is the ownership of the asset; it moves like any ERC-721 token.
/// @dev Storage is kept to one slot a version beside ERC-721's own: the commitment. The first version is implied by the
/// token's existence, so registering writes no counter.
contract AssetRegistry is ERC721, AccessControl, IAssetRegistry {
    /// @notice Role that may register assets and add versions.
    bytes32 public constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");
    /// @notice How many parents a version may have; bounds the gas of a registration.
    uint256 public constant MAX_PARENTS = 32;
    /// @notice The whole, in basis points.
    uint256 public constant WHOLE_BPS = 10_000;

    mapping(uint256 id => mapping(uint256 version => bytes32 commitment)) private _commitments;
    mapping(uint256 id => uint256 count) private _laterVersions;

    /// @notice Creates an empty registry.
    /// @param admin May grant and revoke roles.
    /// @param registrar First holder of the registrar role.
    constructor(address admin, address registrar) ERC721("AI Asset", "ASSET") {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(REGISTRAR_ROLE, registrar);
    }

    /// @inheritdoc IAssetRegistry
    function register(
        address to,
        uint256 id,
        bytes32 contentRoot,
        bytes32 metadataHash,
        uint256[] calldata parents,
        uint16[] calldata parentWeightsBps
    ) external onlyRole(REGISTRAR_ROLE) {
        if (_ownerOf(id) != address(0)) revert AssetRegistryAlreadyRegistered(id);
        _addVersion(id, 1, contentRoot, metadataHash, parents, parentWeightsBps);
        // Not _safeMint: the receiver's hook would let a contract wallet refuse, or re-enter during, a registration.
        _mint(to, id);
    }

    /// @inheritdoc IAssetRegistry
    function addVersion(
        uint256 id,
        bytes32 contentRoot,
        bytes32 metadataHash,
        uint256[] calldata parents,
        uint16[] calldata parentWeightsBps
    ) external onlyRole(REGISTRAR_ROLE) returns (uint256 version) {
        if (_ownerOf(id) == address(0)) revert AssetRegistryUnknownAsset(id);
        uint256 later = _laterVersions[id] + 1;
        _laterVersions[id] = later;
        version = later + 1;
        _addVersion(id, version, contentRoot, metadataHash, parents, parentWeightsBps);
    }

    /// @inheritdoc IAssetRegistry
    function versionCount(uint256 id) external view returns (uint256 count) {
        return _ownerOf(id) == address(0) ? 0 : _laterVersions[id] + 1;
    }

    /// @inheritdoc IAssetRegistry
    function versionCommitment(uint256 id, uint256 version) external view returns (bytes32 commitment) {
        return _commitments[id][version];
    }

    /// @inheritdoc IAssetRegistry
    function isVersion(
        uint256 id,
        uint256 version,
        bytes32 contentRoot,
        bytes32 metadataHash,
        uint256[] calldata parents,
        uint16[] calldata parentWeightsBps
    ) external view returns (bool matches) {
        bytes32 expected = _commitments[id][version];
        return expected != bytes32(0) && expected == _commitment(contentRoot, metadataHash, parents, parentWeightsBps);
    }

    /// @notice ERC-165: which interfaces the contract answers to.
    /// @param interfaceId The interface asked for.
    /// @return supported True when it is implemented.
    function supportsInterface(bytes4 interfaceId)
        public
        view
        override(ERC721, AccessControl)
        returns (bool supported)
    {
        return interfaceId == type(IAssetRegistry).interfaceId || super.supportsInterface(interfaceId);
    }

    function _addVersion(
        uint256 id,
        uint256 version,
        bytes32 contentRoot,
        bytes32 metadataHash,
        uint256[] calldata parents,
        uint16[] calldata parentWeightsBps
    ) private {
        if (contentRoot == bytes32(0) || metadataHash == bytes32(0)) {
            revert AssetRegistryEmptyVersion();
        }
        _checkParents(id, parents, parentWeightsBps);
        _commitments[id][version] = _commitment(contentRoot, metadataHash, parents, parentWeightsBps);
        emit VersionAdded(id, version, contentRoot, metadataHash, parents, parentWeightsBps);
    }

    function _checkParents(uint256 id, uint256[] calldata parents, uint16[] calldata parentWeightsBps) private view {
        uint256 count = parents.length;
        if (count != parentWeightsBps.length) revert AssetRegistryParentsMismatch(count, parentWeightsBps.length);
        if (count > MAX_PARENTS) revert AssetRegistryTooManyParents(count, MAX_PARENTS);
        uint256 sumBps = 0;
        for (uint256 i = 0; i < count; ++i) {
            uint256 parent = parents[i];
            if (parent == id || _ownerOf(parent) == address(0)) revert AssetRegistryUnknownParent(parent);
            sumBps += parentWeightsBps[i];
        }
        if (sumBps > WHOLE_BPS) revert AssetRegistryWeightsExceedWhole(sumBps);
    }

    function _commitment(
        bytes32 contentRoot,
        bytes32 metadataHash,
        uint256[] calldata parents,
        uint16[] calldata parentWeightsBps
    ) private pure returns (bytes32 commitment) {
        return keccak256(abi.encode(contentRoot, metadataHash, parents, parentWeightsBps));
    }
}
