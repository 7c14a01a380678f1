// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC2981} from "@openzeppelin/contracts/token/common/ERC2981.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {OperatedByRole} from "./OperatedByRole.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";

/// @title ERC-721 registry of AI assets with versions, provenance and contributions
/// @notice See {IAssetRegistry}. The token is the ownership of the asset; it moves like any ERC-721 token.
/// @dev Storage is kept to one slot a version beside ERC-721's own: the commitment. The first version is implied by the
/// token's existence, so registering writes no counter.
contract AssetRegistry is ERC721, ERC2981, OperatedByRole, IAssetRegistry {
    /// @notice Role that may register assets, add versions and set royalties.
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
    /// @param pauser First holder of the pauser role.
    constructor(address admin, address registrar, address pauser)
        ERC721("AI Asset", "ASSET")
        OperatedByRole(admin, pauser, REGISTRAR_ROLE, registrar)
    {}

    /// @inheritdoc IAssetRegistry
    function register(
        address to,
        uint256 id,
        bytes32 contentRoot,
        bytes32 metadataHash,
        bytes32 contributionRoot,
        uint256[] calldata parents,
        uint16[] calldata parentWeightsBps
    ) external onlyOperator whenNotPaused {
        if (_ownerOf(id) != address(0)) revert AssetRegistryAlreadyRegistered(id);
        _addVersion(id, 1, contentRoot, metadataHash, contributionRoot, parents, parentWeightsBps);
        // Not _safeMint: the receiver's hook would let a contract wallet refuse, or re-enter during, a registration.
        _mint(to, id);
    }

    /// @inheritdoc IAssetRegistry
    function addVersion(
        uint256 id,
        bytes32 contentRoot,
        bytes32 metadataHash,
        bytes32 contributionRoot,
        uint256[] calldata parents,
        uint16[] calldata parentWeightsBps
    ) external onlyOperator whenNotPaused returns (uint256 version) {
        _requireRegistered(id);
        uint256 later = _laterVersions[id] + 1;
        _laterVersions[id] = later;
        version = later + 1;
        _addVersion(id, version, contentRoot, metadataHash, contributionRoot, parents, parentWeightsBps);
    }

    /// @inheritdoc IAssetRegistry
    function setRoyalty(uint256 id, address receiver, uint96 bps) external onlyOperator whenNotPaused {
        _requireRegistered(id);
        if (bps == 0) {
            _resetTokenRoyalty(id);
            emit RoyaltySet(id, address(0), 0);
        } else {
            _setTokenRoyalty(id, receiver, bps);
            emit RoyaltySet(id, receiver, bps);
        }
    }

    /// @inheritdoc IAssetRegistry
    function versionCount(uint256 id) external view returns (uint256 count) {
        return _ownerOf(id) == address(0) ? 0 : _laterVersions[id] + 1;
    }

    /// @inheritdoc IAssetRegistry
    function isRegistered(uint256 id) external view returns (bool registered) {
        return _ownerOf(id) != address(0);
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
        bytes32 contributionRoot,
        uint256[] calldata parents,
        uint16[] calldata parentWeightsBps
    ) external view returns (bool matches) {
        bytes32 content = _content(contentRoot, metadataHash, contributionRoot);
        return _isCommitted(id, version, content, keccak256(abi.encode(parents, parentWeightsBps)));
    }

    /// @inheritdoc IAssetRegistry
    function isParentage(
        uint256 id,
        uint256 version,
        bytes32 content,
        uint256[] calldata parents,
        uint16[] calldata parentWeightsBps
    ) external view returns (bool matches) {
        return _isCommitted(id, version, content, keccak256(abi.encode(parents, parentWeightsBps)));
    }

    /// @inheritdoc IAssetRegistry
    function isContribution(
        uint256 id,
        uint256 version,
        VersionFacts calldata facts,
        address contributor,
        uint256 weight,
        bytes32[] calldata proof
    ) external view returns (bool matches) {
        bytes32 content = _content(facts.contentRoot, facts.metadataHash, facts.contributionRoot);
        bytes32 leaf = keccak256(abi.encode(keccak256(abi.encode(contributor, weight))));
        return _isCommitted(id, version, content, facts.parentage) && facts.contributionRoot != bytes32(0)
            && MerkleProof.verifyCalldata(proof, facts.contributionRoot, leaf);
    }

    /// @notice ERC-165: which interfaces the contract answers to.
    /// @param interfaceId The interface asked for.
    /// @return supported True when it is implemented.
    function supportsInterface(bytes4 interfaceId)
        public
        view
        override(ERC721, ERC2981, AccessControl)
        returns (bool supported)
    {
        return interfaceId == type(IAssetRegistry).interfaceId || super.supportsInterface(interfaceId);
    }

    function _addVersion(
        uint256 id,
        uint256 version,
        bytes32 contentRoot,
        bytes32 metadataHash,
        bytes32 contributionRoot,
        uint256[] calldata parents,
        uint16[] calldata parentWeightsBps
    ) private {
        if (contentRoot == bytes32(0) || metadataHash == bytes32(0)) {
            revert AssetRegistryEmptyVersion();
        }
        _checkParents(id, parents, parentWeightsBps);
        bytes32 content = _content(contentRoot, metadataHash, contributionRoot);
        _commitments[id][version] = keccak256(abi.encode(content, keccak256(abi.encode(parents, parentWeightsBps))));
        emit VersionAdded(id, version, contentRoot, metadataHash, contributionRoot, parents, parentWeightsBps);
    }

    /// @dev Parents must be there before, so no version can descend from itself. (Two assets can each have a version
    /// that was made from the other's earlier one.)
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

    function _requireRegistered(uint256 id) private view {
        if (_ownerOf(id) == address(0)) revert AssetRegistryUnknownAsset(id);
    }

    function _isCommitted(uint256 id, uint256 version, bytes32 content, bytes32 parentage)
        private
        view
        returns (bool matches)
    {
        return _commitments[id][version] == keccak256(abi.encode(content, parentage));
    }

    function _content(bytes32 contentRoot, bytes32 metadataHash, bytes32 contributionRoot)
        private
        pure
        returns (bytes32 content)
    {
        return keccak256(abi.encode(contentRoot, metadataHash, contributionRoot));
    }
}
