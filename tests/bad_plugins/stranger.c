int stranger(void); int stranger(void) { return 1; }
