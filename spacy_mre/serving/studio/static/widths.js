// The widths of characters, measured once each.

const context = document.createElement("canvas").getContext("2d");

/** RETURNS a function that measures characters in the font of an element. */
export function makeMeasure(element) {
  const style = getComputedStyle(element);
  const font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  const known = new Map();
  return (char) => {
    let width = known.get(char);
    if (width === undefined) {
      context.font = font;
      // The picture is drawn without kerning, so that widths add up.
      context.fontKerning = "none";
      width = context.measureText(char).width;
      known.set(char, width);
    }
    return width;
  };
}
