"""The chapters of the Likelihood page: how one z can make every digit, and what p(x) is."""
