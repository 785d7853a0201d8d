"""Rules as classes: the documented interface, for rules that users write."""
