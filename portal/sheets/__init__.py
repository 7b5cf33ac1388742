"""Excel in and out. What comes in is a stranger's file: `gate` and a child process stand between it and the portal.

Read a filled-in template with `importing.read_lines`, hand it back marked with `marking.mark_errors`, make a template
with `template.write_template`, and write any other workbook with `export.write_workbook`.
"""
