"""What labelled data holds, told before anything is trained: one pass, and flat memory."""
