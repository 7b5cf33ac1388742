"""Pages of cases and sanctions: lists, the case page, its forms and its log."""
