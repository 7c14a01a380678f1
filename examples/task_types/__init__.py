"""One small order of every type of task, with media that are drawn here: for tests, measurements and screenshots."""
