/** A list whose elements are made when they are looked at, and not kept: for thousands of texts of which few are used. */

const INDEX = /^(?:0|[1-9]\d{0,9})$/;

/** Behaves as an array of `length` elements that nobody may change. `make` may throw: whoever looks at that element is told. */
export function lazyList<T>(length: number, make: (index: number) => T): readonly T[] {
  const indexOf = (key: string | symbol) => (typeof key === "string" && INDEX.test(key) ? Number(key) : null);
  return new Proxy<T[]>([], {
    get(target, key, receiver) {
      if (key === "length") return length;
      const index = indexOf(key);
      if (index === null) return Reflect.get(target, key, receiver);
      return index < length ? make(index) : undefined;
    },
    has(target, key) {
      const index = indexOf(key);
      return index === null ? Reflect.has(target, key) : index < length;
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
  });
}
