"""Makes a C file of page.css and page.js, byte for byte: embed.py OUT.c CSS JS."""
import sys

out, style, script = sys.argv[1:]
with open(out, "w", encoding="ascii") as to:
    for name, path in (("page_style", style), ("page_script", script)):
        with open(path, "rb") as file:
            data = file.read()
        # What would end the element that it is put into.
        for end in (b"</script", b"</style", b"<!--"):
            if end in data.lower():
                sys.exit(f"{path}: holds {end.decode()}")
        if not data.isascii():
            sys.exit(f"{path}: is not ASCII alone")
        to.write(f"extern const char {name}[];\nconst char {name}[] = {{\n")
        for at in range(0, len(data), 16):
            to.write("\t" + ", ".join(str(byte) for byte in data[at:at + 16]) + ",\n")
        to.write("\t0\n};\n")
