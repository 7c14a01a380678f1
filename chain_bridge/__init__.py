"""The chain bridge: everything that talks to an EVM chain, as a library without Django.

``contracts/`` is a Foundry project, ``foundry`` drives its toolchain, ``gateway`` is the only user of the
JSON-RPC endpoint, ``signer`` the only user of the key, ``indexer`` reads events, ``merkle`` is pure mathematics.
"""
