import { describe, expect, it } from "vitest";
import type { Key } from "../../../src/screens/input/decode.ts";
import { emptyLine, howDiffers, typeKey, type TypedLine } from "../../../src/screens/input/line-edit.ts";

const phrase = "shop_orders";
const byHand = (text: string) => Array.from(text);

function typed(keys: readonly (Key | string)[], gapMs = 120): TypedLine {
  let now = 1000;
  return keys.reduce<TypedLine>((line, key) => {
    now += gapMs;
    return typeKey(line, typeof key === "string" ? { kind: "text", text: key } : key, phrase, now);
  }, emptyLine);
}

describe("the confirmation's own field", () => {
  it("takes letters typed by hand", () => {
    expect(typed([...byHand("shop_orders")]).text).toBe("shop_orders");
  });

  it("takes short chunks, because a slow line bundles real typing", () => {
    expect(typed(["sho", "p_", "or", "ders"]).text).toBe("shop_orders");
  });

  it("refuses a bracketed paste, and says so", () => {
    const line = typed([...byHand("sh"), { kind: "paste", text: phrase }]);
    expect(line.text).toBe("sh");
    expect(line.refused).toContain("Pasted text is refused");
  });

  it("refuses the whole phrase in one read, as an unbracketed paste brings it", () => {
    const line = typed([phrase]);
    expect(line.text).toBe("");
    expect(line.refused).toContain("by hand");
  });

  it("clears the field when a key is held down, and stays clear while it is", () => {
    expect(typed([...byHand("ssssss")], 33).text).toBe("");
    expect(typed([...byHand("ssssss")], 33).refused).toContain("held down");
  });

  it("takes a doubled letter and fast but human typing", () => {
    expect(typed([...byHand("aabb")], 45).text).toBe("aabb");
    expect(typed([...byHand("shop")], 20).text).toBe("shop");
  });

  it("takes the last character back, and nothing else edits it", () => {
    expect(typed([...byHand("shoq"), { kind: "named", name: "backspace" }, "p"]).text).toBe("shop");
    expect(typed([...byHand("sh"), { kind: "named", name: "ctrl-a" }, { kind: "named", name: "left" }, "o"]).text).toBe(
      "sho",
    );
  });

  it("takes printable ASCII only", () => {
    const line = typed([...byHand("sh"), "é"]);
    expect(line.text).toBe("sh");
    expect(line.refused).not.toBe("");
  });
});

describe("howDiffers", () => {
  it.each([
    ["SHOP_orders", "capital and small"],
    ["shop_", "5 of 11"],
    ["shop_orders2", "by 1 character"],
    ["shop-orders", "from character 5"],
  ])("says how %s differs", (text, words) => {
    expect(howDiffers(text, phrase)).toContain(words);
  });

  it("says that the environment is missing", () => {
    expect(howDiffers("shop_orders", "production/shop_orders")).toContain("environment");
  });

  it("never repeats what was typed: it may be a password in the wrong window", () => {
    expect(howDiffers("hunter2-secret", phrase)).not.toContain("hunter2");
  });
});
