"""Its being here puts this folder on the path: the builders beside it are shared by the tests."""
