"""Zero feed-in on a simulated house: our controller beside published rules, with the reference's figures of merit."""
