"""Who answers: one protocol (:mod:`.base`) and its implementations."""
