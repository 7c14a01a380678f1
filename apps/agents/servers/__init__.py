"""Agents behind protocols that bring a server of their own (A2A, MCP), mounted beside Django."""
