"""Without tests nothing is caught, and the exit status says so."""

import unittest

import mutate


class CanFail(unittest.TestCase):
    """The same script, with an empty set of tests."""

    def test_nothing_is_caught(self):
        self.assertEqual(mutate.main(["--tests", "^$", "--sample", "5", "--least", "1"]), 1)


if __name__ == "__main__":
    unittest.main()
