"""Where state files come from. Each source gives texts; what is in them is not its business."""
