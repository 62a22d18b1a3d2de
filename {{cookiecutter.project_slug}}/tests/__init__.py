"""The project's own tests."""

import os

# ``app.main`` builds the app of ``.env`` when it is imported. The apps under test are built by
# fixtures, with settings of their own.
os.environ["ENVIRONMENT"] = "development"
os.environ["SECRET_KEYS"] = "k3Jd9-sL2mQ8vX0zR7tY4wB6nC1pF5hG_aUeIoT"
