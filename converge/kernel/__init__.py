"""The only place that acts: namespaces, netlink, nftables, sysctls. Executes operations, returns raw dumps, decides nothing."""
