"""A breach from notice to settled sanction: what it costs, what was told, replied, weighed, proposed and decided."""
