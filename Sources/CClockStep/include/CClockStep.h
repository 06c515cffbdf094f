/// Nothing is called from here: the library is loaded before a program (LD_PRELOAD) and stands before its clock.
