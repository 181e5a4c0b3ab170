"""Programs that show the driver on real data; each is run by the tests."""
