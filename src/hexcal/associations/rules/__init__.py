"""The tables of association rules, by observatory and level."""
