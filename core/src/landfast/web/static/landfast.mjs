// What makes pages quicker to use; every page answers what it is for without it.
