"""Who runs a check: one protocol (:mod:`.base`) and its back ends."""
