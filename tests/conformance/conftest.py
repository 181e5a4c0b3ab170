# Needs SQLAlchemy's plugin, and so a pytest run of its own: test_sqlalchemy_suite.py starts it.
collect_ignore = ["sqlalchemy_suite"]
