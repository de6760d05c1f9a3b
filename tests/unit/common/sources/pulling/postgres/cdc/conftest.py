"""Asserts of what the tests share show what differs."""

import pytest

pytest.register_assert_rewrite("captured_accounts")
