// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.37;

/// @title Splits revenue of assets between them and what they were made from
/// @notice A payment for an asset's version is divided by that version's weights: each parent's part is *pending*
/// there, to be divided one level further, and the rest is the asset's own, *earned*. Each step rounds every parent's
/// part down to a whole unit of the token and leaves the remainder, less than one unit a parent, with the child: no
/// unit is created or lost. Where assets descend from each other's versions, what is pending goes round, less each
/// time. What is earned goes to the asset's share holders, or to its owner where it has no shares.
interface IRoyaltyPool {
    /// @notice Revenue of an asset came in.
    /// @param asset The asset.
    /// @param payer Who paid.
    /// @param amount Units of the token.
    event RoyaltyPaid(uint256 indexed asset, address indexed payer, uint256 amount);

    /// @notice What was pending at an asset was divided.
    /// @param asset The asset.
    /// @param amount What was divided, in units of the token.
    /// @param kept What of it is the asset's own; the rest is pending at its parents.
    event RoyaltySettled(uint256 indexed asset, uint256 amount, uint256 kept);

    /// @notice What an asset had earned left the pool.
    /// @param asset The asset.
    /// @param to The shares' contract, or the asset's owner.
    /// @param amount Units of the token.
    event RoyaltyReleased(uint256 indexed asset, address indexed to, uint256 amount);

    /// @notice There is no such asset in the registry.
    /// @param asset The asset given.
    error RoyaltyPoolUnknownAsset(uint256 asset);

    /// @notice The registry has no such version with this content, these parents and these weights.
    /// @param asset The asset given.
    /// @param version The version given.
    error RoyaltyPoolUnknownVersion(uint256 asset, uint256 version);

    /// @notice What is pending is divided by the newest version's weights only, so that nobody can choose others.
    /// @param asset The asset given.
    /// @param version The version given.
    /// @param newest The newest version.
    error RoyaltyPoolNotNewestVersion(uint256 asset, uint256 version, uint256 newest);

    /// @notice Nothing is pending at the asset.
    /// @param asset The asset given.
    error RoyaltyPoolNothingPending(uint256 asset);

    /// @notice The asset has earned nothing that is still here.
    /// @param asset The asset given.
    error RoyaltyPoolNothingEarned(uint256 asset);

    /// @notice More than 2^128 - 1 units, at once or together with what an asset has.
    /// @param amount The amount given.
    error RoyaltyPoolAmountTooLarge(uint256 amount);

    /// @notice The token delivered less than was paid.
    /// @param amount What had to come in.
    error RoyaltyPoolFundsMissing(uint256 amount);

    /// @notice Takes revenue of a version from the caller and divides it between the asset and its parents.
    /// @param asset The asset.
    /// @param version Number of the version.
    /// @param content keccak256 of the ABI encoding of its content root, metadata hash and contribution root.
    /// @param parents Its parents, in the order in which they were registered.
    /// @param weights Their weights, in 1/10,000.
    /// @param amount Units of the token.
    function pay(
        uint256 asset,
        uint256 version,
        bytes32 content,
        uint256[] calldata parents,
        uint16[] calldata weights,
        uint256 amount
    ) external;

    /// @notice Takes revenue of an asset from the caller, to be divided by `settle`: for callers without version data.
    /// @param asset The asset.
    /// @param amount Units of the token.
    function payPending(uint256 asset, uint256 amount) external;

    /// @notice Divides what is pending at an asset between it and its parents. Anyone may call it.
    /// @param asset The asset.
    /// @param version Number of its newest version.
    /// @param content keccak256 of the ABI encoding of its content root, metadata hash and contribution root.
    /// @param parents Its parents, in the order in which they were registered.
    /// @param weights Their weights, in 1/10,000.
    function settle(
        uint256 asset,
        uint256 version,
        bytes32 content,
        uint256[] calldata parents,
        uint16[] calldata weights
    ) external;

    /// @notice Sends what an asset has earned to its share holders, or to its owner where it has no shares. Anyone may
    /// call it.
    /// @param asset The asset.
    /// @return amount Units of the token.
    function release(uint256 asset) external returns (uint256 amount);

    /// @notice What is still to be divided at an asset.
    /// @param asset The asset.
    /// @return amount Units of the token.
    function pendingOf(uint256 asset) external view returns (uint256 amount);

    /// @notice What an asset has earned and not released.
    /// @param asset The asset.
    /// @return amount Units of the token.
    function earnedOf(uint256 asset) external view returns (uint256 amount);

    /// @notice The token that royalties are paid in.
    /// @return token Its address.
    function royaltyToken() external view returns (address token);
}
