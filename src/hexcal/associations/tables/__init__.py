"""Rules as tables: their language, and the search for what belongs together by them."""
