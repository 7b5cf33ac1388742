"""Pages of contracts: setting up, requirements, sanction clauses, machines, the life of the contract."""
