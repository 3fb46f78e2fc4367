"""Who answers: OpenAI-compatible servers, wherever they are."""
