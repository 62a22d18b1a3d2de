"""HTTP for every route: who may, which session, which headers, which errors."""
