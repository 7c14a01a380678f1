// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

/// @title The public record of AI assets: who owns one, what it contains, what it was made from and who contributed
/// @notice An asset is a data set, a model, a knowledge base or an agent. Its id is chosen by the caller (the
/// platform's UUID as a number). Every release adds a version, of which the chain keeps one commitment; the full facts
/// are in the `VersionAdded` event.
interface IAssetRegistry {
    /// @notice What a version's commitment is made of.
    /// @param contentRoot Merkle root or hash of the content.
    /// @param metadataHash Hash of the descriptive metadata.
    /// @param contributionRoot Merkle root over (contributor, weight); zero where none was given.
    /// @param parentage keccak256 of the ABI encoding of parents and weights.
    struct VersionFacts {
        bytes32 contentRoot;
        bytes32 metadataHash;
        bytes32 contributionRoot;
        bytes32 parentage;
    }

    /// @notice A version of an asset was released. Version numbers of an asset start at 1 and have no gaps.
    /// @param id The asset.
    /// @param version Number of the version.
    /// @param contentRoot Merkle root or hash of the content.
    /// @param metadataHash Hash of the descriptive metadata.
    /// @param contributionRoot Merkle root over (contributor, weight); zero where none was given.
    /// @param parents The assets it was made from. An asset may stand here more than once, by several versions of it.
    /// @param parentWeightsBps What share of this version's revenue each parent takes, in 1/10,000.
    event VersionAdded(
        uint256 indexed id,
        uint256 indexed version,
        bytes32 contentRoot,
        bytes32 metadataHash,
        bytes32 contributionRoot,
        uint256[] parents,
        uint16[] parentWeightsBps
    );

    /// @notice The ERC-2981 royalty of an asset's resales was set, or taken away (0).
    /// @param id The asset.
    /// @param receiver Who is to receive it.
    /// @param bps The part of the price, in 1/10,000.
    event RoyaltySet(uint256 indexed id, address indexed receiver, uint96 bps);

    /// @notice The asset is registered already.
    /// @param id The asset.
    error AssetRegistryAlreadyRegistered(uint256 id);

    /// @notice There is no such asset.
    /// @param id The asset asked for.
    error AssetRegistryUnknownAsset(uint256 id);

    /// @notice A parent is not registered, or is the asset itself.
    /// @param parent The parent named.
    error AssetRegistryUnknownParent(uint256 parent);

    /// @notice Every parent needs exactly one weight.
    /// @param parents Number of parents given.
    /// @param weights Number of weights given.
    error AssetRegistryParentsMismatch(uint256 parents, uint256 weights);

    /// @notice More parents than one version may have.
    /// @param parents Number of parents given.
    /// @param limit Number of parents allowed.
    error AssetRegistryTooManyParents(uint256 parents, uint256 limit);

    /// @notice The parents' weights together exceed the whole.
    /// @param sumBps The sum given, in 1/10,000.
    error AssetRegistryWeightsExceedWhole(uint256 sumBps);

    /// @notice Content root and metadata hash must not be zero.
    error AssetRegistryEmptyVersion();

    /// @notice Registers an asset with its first version and gives it to its owner.
    /// @param to The first owner.
    /// @param id The asset's id, chosen by the caller, not used before.
    /// @param contentRoot Merkle root or hash of the content.
    /// @param metadataHash Hash of the descriptive metadata.
    /// @param contributionRoot Merkle root over (contributor, weight); zero where none is given.
    /// @param parents Registered assets that this version was made from.
    /// @param parentWeightsBps One weight for each parent, in 1/10,000; together at most 10,000.
    function register(
        address to,
        uint256 id,
        bytes32 contentRoot,
        bytes32 metadataHash,
        bytes32 contributionRoot,
        uint256[] calldata parents,
        uint16[] calldata parentWeightsBps
    ) external;

    /// @notice Adds the next version of a registered asset.
    /// @param id The asset.
    /// @param contentRoot Merkle root or hash of the content.
    /// @param metadataHash Hash of the descriptive metadata.
    /// @param contributionRoot Merkle root over (contributor, weight); zero where none is given.
    /// @param parents Registered assets that this version was made from.
    /// @param parentWeightsBps One weight for each parent, in 1/10,000; together at most 10,000.
    /// @return version The number of the new version.
    function addVersion(
        uint256 id,
        bytes32 contentRoot,
        bytes32 metadataHash,
        bytes32 contributionRoot,
        uint256[] calldata parents,
        uint16[] calldata parentWeightsBps
    ) external returns (uint256 version);

    /// @notice Sets what part of a resale's price ERC-2981 tells marketplaces to pass on; 0 takes it away.
    /// @param id The asset.
    /// @param receiver Who is to receive it.
    /// @param bps The part, in 1/10,000.
    function setRoyalty(uint256 id, address receiver, uint96 bps) external;

    /// @notice How many versions the asset has; 0 when it is not registered.
    /// @param id The asset.
    /// @return count Number of versions.
    function versionCount(uint256 id) external view returns (uint256 count);

    /// @notice Whether there is such an asset.
    /// @param id The asset.
    /// @return registered True when it is registered.
    function isRegistered(uint256 id) external view returns (bool registered);

    /// @notice The commitment kept for a version: `keccak256(abi.encode(content, keccak256(abi.encode(parents,
    /// weights))))`, where content is `keccak256(abi.encode(contentRoot, metadataHash, contributionRoot))`; zero when
    /// there is no such version.
    /// @param id The asset.
    /// @param version Number of the version, from 1.
    /// @return commitment The hash.
    function versionCommitment(uint256 id, uint256 version) external view returns (bytes32 commitment);

    /// @notice Whether a version has exactly these facts, so that others can rely on facts given as calldata.
    /// @param id The asset.
    /// @param version Number of the version, from 1.
    /// @param contentRoot Merkle root or hash of the content.
    /// @param metadataHash Hash of the descriptive metadata.
    /// @param contributionRoot Merkle root over (contributor, weight).
    /// @param parents The parents, in the order in which they were registered.
    /// @param parentWeightsBps Their weights.
    /// @return matches True when the commitment agrees.
    function isVersion(
        uint256 id,
        uint256 version,
        bytes32 contentRoot,
        bytes32 metadataHash,
        bytes32 contributionRoot,
        uint256[] calldata parents,
        uint16[] calldata parentWeightsBps
    ) external view returns (bool matches);

    /// @notice Whether a version has exactly these parents and weights.
    /// @param id The asset.
    /// @param version Number of the version, from 1.
    /// @param content keccak256 of the ABI encoding of content root, metadata hash and contribution root.
    /// @param parents The parents, in the order in which they were registered.
    /// @param parentWeightsBps Their weights.
    /// @return matches True when the commitment agrees.
    function isParentage(
        uint256 id,
        uint256 version,
        bytes32 content,
        uint256[] calldata parents,
        uint16[] calldata parentWeightsBps
    ) external view returns (bool matches);

    /// @notice Whether a contributor has this weight in a version. Leaves are those of OpenZeppelin's
    /// StandardMerkleTree of type (address, uint256).
    /// @param id The asset.
    /// @param version Number of the version, from 1.
    /// @param facts What the version's commitment is made of.
    /// @param contributor The contributor's address.
    /// @param weight The contributor's weight.
    /// @param proof Sibling hashes from the leaf to the contribution root.
    /// @return matches True when commitment and proof agree.
    function isContribution(
        uint256 id,
        uint256 version,
        VersionFacts calldata facts,
        address contributor,
        uint256 weight,
        bytes32[] calldata proof
    ) external view returns (bool matches);
}
