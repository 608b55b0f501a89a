// Five norms of a batch of two photographs: what a darker flower, a tint and a shift of red change. No DOM.
import { means, owners } from "./shares_numbers.js";

export const SHAPE = [2, 3, 26, 40]; // N, C, H, W
export const EPS = 1e-5;
export const [FORGETS, SEES] = [1e-6, 1e-2]; // the chapter's rule: below the one, above the other
const ROUNDING = 1e-12; // of some thousand additions in float64

/** A mean, or a mean square, for every norm: the axes that it runs over, and whether a mean is taken out. */
const AXES = {
  BN: { axes: [0, 2, 3], centred: true },
  LN: { axes: [1, 2, 3], centred: true },
  IN: { axes: [2, 3], centred: true },
  RMS: { axes: [1, 2, 3], centred: false },
  FRN: { axes: [2, 3], centred: false },
};
export const NORMS = Object.keys(AXES);
const OWNERS = Object.fromEntries(NORMS.map((norm) => {
  const kept = SHAPE.map((size, axis) => (AXES[norm].axes.includes(axis) ? 1 : size));
  return [norm, owners({ seen: SHAPE, kept })];
}));

/** What a norm makes of x, without scale and shift, and the smallest number that eps was added to. */
export function normalised(x, norm) {
  const owner = OWNERS[norm];
  const mean = AXES[norm].centred ? means(x, owner) : null;
  const centered = mean ? x.map((value, i) => value - mean[owner[i]]) : x;
  const square = means(centered.map((value) => value * value), owner);
  const y = centered.map((value, i) => value / Math.sqrt(square[owner[i]] + EPS));
  return { y, smallest: Math.min(...square) };
}

/** The photographs after the changes, in intensities of 0 to 255: first the factors, then the constant. */
export function changed({ flower, tint, red }) {
  const place = SHAPE[2] * SHAPE[3];
  return PHOTOGRAPHS.map((value, i) => {
    const channel = Math.floor(i / place) % SHAPE[1];
    const second = i >= SHAPE[1] * place;
    return value * (second ? flower : 1) * tint[channel] + (channel === 0 ? red : 0);
  });
}

/** The largest change of a normalised value, for every norm, where 255 is called `top`. */
export function compare(settings) {
  const scale = settings.top / 255;
  const before = PHOTOGRAPHS.map((value) => value * scale);
  const after = changed(settings).map((value) => value * scale);
  return NORMS.map((norm) => {
    const was = normalised(before, norm).y;
    const { y, smallest } = normalised(after, norm);
    const size = y.reduce((most, value, i) => Math.max(most, Math.abs(value - was[i])), 0);
    return { norm, y, smallest, size, word: wordFor(size), rounded: size > 0 && size < ROUNDING };
  });
}

const wordFor = (size) => (size < FORGETS ? "same" : size > SEES ? "changed" : "nearly");

/** What is changed, as numbers with an owner, and the norms that do not forget them. */
export function causes({ flower, tint, red }) {
  const coloured = tint.some((factor) => factor !== tint[0]);
  return [
    flower !== 1 && ["own", ["BN"]],
    coloured && ["tint", ["LN", "RMS"]],
    !coloured && tint[0] !== 1 && ["lamp", []],
    red !== 0 && ["red", ["LN", "RMS", "FRN"]],
  ].filter(Boolean);
}

// The chapter's photographs. Each intensity is the mean of 8 by 8 pixels, rounded: a byte, in base64.
const BYTES =
  "sbKztba3ubu7vb7AwcPFyMnLzc/R1dja3N/j5ebn6Ovs7O7v8PP3+rS1t7e4uru8vb7AwbzFxsjKzc/R1tfZ293f4uPl5unr6+3w" +
  "9Pn6+Pa4ubm5urq8vb6/wcJ9vcfKzM/R1NXW2dvd3+Pl6Ors7u/x9PP08/T2ury8vLy8vb6/wcTEcLbJys3P0tPU1tnc3uDj5+nr" +
  "7O7v8PL2+fv7/Lu9vr6/v8HCw8XFnHJktczOz9LU1tja3eDi5Ojq7O3w8fT09ff5+/u+v8DBwsPExca1q7ypnl2Ty9LT1dfZ3N/h" +
  "4+Xn6evt7/L09vn6+vv7wMLDw8TErKGvxbp0kJaVblCQutbY2t3f4ePk6Ors7/Ly8/T19fj4+cbIycnKwjpGOSkYGiYqLi8xNm6I" +
  "2t7h5OXn6Ors7e/y9PT29/j6+vvIyszNzsh8MTRCRFNfbGtfZWFlwODi5OXo6evt7vDx9Pb29/j22N/6ts7O0NHS0nM/TUBCVGNp" +
  "X3GVu+Dh4+Xo6uvt7vDy8/T19vf3w5us2LzP0NHSnWY2Mzc7YWJmY3JiU5mkxuXm6Onq7O3u7/Hy8/T18aiDg52Wwc3Q0G0uLjFA" +
  "PVNQUkZSUWBug8Xj5OXm6Onq6+zu7/Dx8uihj2GVan6Wy8zOazAfMSRNO1lIR0VrZJvb293e3+Dg4eLj5OXn5+itiF1na21wequz" +
  "tmQrKzYvW1NuZlZjl6Ssura5uLm5ubm7vsbExcWfak1NZXdsZHJmkaA/NTY6OoCGj4iIlZzGwaugo6iprKWdqqi2y9PRj2tMRDpD" +
  "WXNycWZHHyElJCVUXFlWUlNXhqSel8LDxsrDt7i3vtLU0pt1P0RGQG5+h440QEI+NDlKkYuIg46Yik+NmZS8v8DBwsDEx8nN0NKh" +
  "g1E6MTV/hYyIcSklOWBxRU1WUk1MSENda5Wptba5t7e4u77FycWcr3Q4IyMve4+Sk5VcNBMWICNBJT4jHDkzYnCIsLWztLKztbOj" +
  "rq+PXH1IHhMeNmyBj4+GIxoRDBkQMiQ0LypDXIyy08KwtLe1p4t4cHRsY2RxRRQWKytveGZcRy8pKTUoImNUb2hyiqynybOUiJ2I" +
  "h1w/WlRoUVtgZU4MFxwja3NyUUFPU2BdaUqQiomFf2tjVZS3xXxlS0hCQFZWajVETlEnFRIULVdwcmpYZk1HQltPWldMR1JhdHpl" +
  "poRgQTkwMTNFXFhnTDwsGxURDxVmWFxjTk5WOUJXYGVtnrOuoJJ4bF5uSz4+OB8vOzIkSUVjNBkWDhQMYmlxZkVZamFHT1JOWXlu" +
  "Ul1DPFSCSiUsTVcmLCAaKyIkLjIYDQkKDmJeb3BpZGNvbl5TV1VbUVBSYUp2ZT00PGNFNy0wNCgVFRgQCwkICQXLzc7P0dLU1dbW" +
  "2Nnb3d/g4ePk5ufp6+3u7/Hy8/P09fb29/j3+Pr7zM/Q0NLT1NXW19na09ve4OLj5Obo6uvt7u/w8fLy9PX19vb4+/v5+c3P0dLT" +
  "1NXV19jZ2ne53uDi4+Tm6Ors7O7v8fLz9PT19vf39/f3+PnO0NHS09TV1tfZ2ttwuN/g4ePl5+jp6+zu8PLy8/P09PX2+Pn6+/z8" +
  "z9HS09TU1tfY2dqxZWPL4OLk5ebo6evt7/Dx8fPz9fb39/j4+fr7+9DS09TV1tfZ2suoln5kVqjf5OXm6Ors7e7v8fLz8/T29vf4" +
  "+vr7+/vQ0tTU1da9qKikkXBxcG9dX6HO5+nq6+zu7/Dy8/X29vf4+Pj4+fn60NLT1NXSRVNELRcbJCwxNDQ0cpzm6evs7u/w8fP0" +
  "9fb3+Pj4+Pn6+s7R0tTU0IIxLDk5QE1dXU5TV2PF5+nq7O3u7/Dx8/T19fb39/XZ4vm1z9HS09TVcCtBLzU9UlhEU22t5OXn6Orr" +
  "7O3u8PHy8/X29/bAnKzZuc3O0NGnbDUuLzRhTVNPWUtTi5zK5ebn6Orr7O3v8fLz9PXwpoCEm5e/zM/PczEwMT84Tk9QSFFTXGyC" +
  "x+Pk5ebo6err7O7v8PHy5qGLYJZofZXKzM5nIxckGjAtQjswNEdHhtze3+Dh4uPk5ebn6Onp662LXmdoaXB7rLW6YBYaIx0sNUVK" +
  "Mj5WZnzExMbHycjIycvN1NPT06ZwU1Fte29gbmWJnTMlJigqUVZSUlJZY5KXq7K0t7i6ta+3ucPW29mRclFJP0RXdHp7b1IjIyUk" +
  "JUpRT1JRV1qJnISbzM3P0s3ExMTJ2drZoHlCR0hFan2PkkI0LiwnK0F3Y2FeXWFYRHiNocfKzMzMy8/R0tXW1qOHUz41NoiNlZV/" +
  "NDA7V2E9TFRQUVNOSVRhk6vCw8TCwsPFyc3QxZuwdzwnJzGCm6ChomIwDhEYHDMjLx8UJR01R2yowsDAvsDCu6a0sIxdeksjGiI5" +
  "a4mcnJMfEQkFCwgRGBchFh4tTXeWpry/v7yri3dvcmhiY29HGhosL2t4bmJMKyIeLRcVMDE2OkdXgHKXmYmJn4iGXD9YU2lQW19j" +
  "ThAaHilianJXNUtSY1xiO2FfYWBdTkZEjZOJeV5HRj4/U1VoNUNNUCkXFRgxVmhvZlRkUUtHXklQVlVaXmBoaFV8hF5COS0xMkNZ" +
  "V2VKOy0eFhQTGWhVVmFNT1c7Q1ViZGtpa2tsa2hvYV1LPj02IC42MCRKP1Q1HBgVGA5kZW9iQldoYEtSWE5ab29ZXTUxT3FEKCxJ" +
  "UyUqIRwrJCUsNRwRDhAQYVpsamNeX290YVlaVlVVVFNePGFVPDI6XUY5LzE1KBgYGhIPDAwNCOjq7O7v8PLz8/T29/b4+Pn6+/z9" +
  "/v7//v7//v7+/v7////////+/v7o6uzu7/Hy8/T19vfq8/j5+vv8/v////7+/v/+/v7+//7+//7+/v7+6Orr7O/w8fL09fX1dLr2" +
  "+Pr8/f7+/v/+/v7+/v7+/v7+/v7+/v7+/ujq6+zu8PDw8vLz82a29/j6+/z8/f3+/v7//v7+/v7////+/v7+/v7o6ers7e7v8PHy" +
  "8rZXYN34+fr7+/v8/f3+//7+/v7+/v7//v7+/v7+5+nq6+zt7u7w2pp0YEZRtPH49/j4+fv8/v///v7+/v/+/v7+/v79/uXm5ufp" +
  "6siilX5pYVpYWFFhq9v29/n6/Pz9/v79/v/+//7+/v7+/v7h4+Tk5uFCS0ArFhoiKS8yMjJqnfL29/f4+fr7/P39/v7+/v7+/v7/" +
  "3uDh4uLdiC0sNzU5RlpYR0tPZMvx8vPz9fb3+Pn6+vv8/fz9+dfh/rfb3N3e3990K0QyNT9VW0ZSarHs7e7w8PHy8/T19vf49/j5" +
  "+ruQpNi02Nna261tNS0uMVdER0VMQk9+mM3q6+zt7u/w8fLz9PX29/KgbnaPeL7S19d2LisvODNBSElES0xSYnfH5ufn6Onr7O3t" +
  "7/Dw8fLnm35HhTFTctHS02cgFiIYLis9OC4zQUOE3+Hi4+Tl5ubo6err7O3uqIBQWlMsNUmZtMRkFhkiHCozQEQvO01eeszNz8/P" +
  "0dLT1Njf3t/fpWY4P2Z0Qys2OHChMiMlJShCREJEQ0lNdHmju7/AwsLAu8LDydng34pnPC8tMixGYm5mUyEgIR8iNT4+R0lOT3mJ" +
  "bpbMzM/SzsfIx8vZ29ucdDU5NC9BWHaHQiwkIR4iOFdGR0dCPzw4YnmbxsjKzM7Mz9DQ09XUnYFINSchgYyUl4UyLjZJUTI+RkNJ" +
  "TEdES1qOqMHCw8PEx8jJy87AjqRwMRkaIGCZp6ipYzAMDhYZLyAsHxMiGjFBZaC6u7y9v72ulKSjeVFmORUOFSwue6SjmSESCQUK" +
  "BhAXFiAUHChFZ4GMsLO1rpZzYl5XUFFSWzgKDBocKjZRSUAoHxogFhYsLTA0O0lvYHV3dX2JYVlJNEVCW0ZJTFI+BgwQECQoNDgl" +
  "JCYoJzMySERHP0A4MTV2cV5mRTAyMTJBQ1EqNDs8Gw4IDhYfLjk9NjojICIsJTBAT1BUUFRMN1ZiPS4oJCopNUdFTDsxKBIOCQgL" +
  "Hyg0Oy4uMR0fJCsqKzQ4Oz9HR0FJRDMwLy0aJS0lGy8vQi0REAYMCB8xNjgqNT03JyQlLCk1Nz05Jyo8VTAdIjpCGyIbFCEZGx8l" +
  "DwgEBQodND8+PTw8OjAoJCYnMSkrKDEzT0IyKzJSOywmKCsgEhEPCQYEBQUDDCs+KggBAQIICAYEAwQDAAACBgAAAAEBDAQDBAIA" +
  "AQUGAwAAAAAAAA8gHQQBAQAABgYFBAMDBAABAwEAAAEABAsFAwMEBAQGBwYDAQABAAAKDAIAAAAAAAMDBAMDBAQAAQEAAQABCQ4L" +
  "CgUEBggICAgGBQEBAAAABgIBAAAAAQQFAwMDAgMFAQAAAQEBDR8cEhILAQEBAwoKCAMBAAAAAAgKCwYBAQICAQIBAQEDBgMBAwQF" +
  "ChYfHxYOCgAAAAAFCAUBAAAAAAAPEAwEAAABAQABAQEBBQcGCwpPlWw+GxgSCAcAAQIBAgMCAAABAgUMEgIAAAAAAAABBAMCAwgh" +
  "o9jT4uTi3NGbFQkIBAQGAQAAAAAAAQgLEAIAAAAAAAAAAQEBAwyZ2d7j5ePi6+fi5tJRBwMEBAAAAAAAAAEICAMAAAAAAAABAAAA" +
  "AAR32eDe4u3n5uze5uXkyikCAgIAAAAAAAAAAwQAAAAAAAAAAAAAAAA1z9bq6uXh6eTo7Ovq6uWoAwIDAQEBAAAAAAMMAwAAAAAA" +
  "AQAAAAABXtXY2Orp4tva2uHk4t/c2hIEBQMBAAABAQEGEgsAAAAAAAAAAAAAA77b4t/c1c3CtsbX4+Pl3tMqBgcFAgEBAAAACxMQ" +
  "AAAAAAAAAAAAADC93Nni2dWyrrilvt7m39rXiAgGAwQEAQAAAgkPDAIAAAAAAAAAAAFUyOfj2d7AsLa5v83T3+Llz7UHBgQFBgIA" +
  "AAAECAcFAAAAAAAAAAADRcfL6OHNwaa8vLC219rZ3tWsBgYGBQMEAgEBAgUEAQAAAAAAAAEABDWwzMzX3dK2qLGnyNfX5d/hggUB" +
  "AAAAAQECAgQFBAAAAAABAAABAgMfqsrc1eXR28W8xLrM1s7Jyz4DAAAAAAAAAQQJCAgAAAAAAAEEBQUGCH65ytngzeHSyuDa2NrO" +
  "4a0KAwEAAAAAAAABCQoIAAAAAgUIBgYIBwcuvcXEvMvOxuLV0M/Wybc5BgUCAQEBAAAAAAMIBgABBwYGBwYFBwYGBVmwybnLyMrU" +
  "wtq90MZ8BwYFAgABAQAAAAAAAwUEDA0HBAUEAwMCAwQKZ6W6zsDN1MrU2c+iJAoGAQAAAAAAAAAAAAADAQEDBAQEAwEBAAEEEidK" +
  "kbOjvcm0ta1uPxYFAgAAAAAAAAAAAAAAAAAAAAACBAMCAQAAAgwgMzQkTGNDTBkWbYI6AQAAAAIBAAAAAAAAAAAAAAAAAAICAQEB" +
  "AAADGjExKDwdAAFaLViNZC4BAAIIBgUBAAECAQAAAAABAQABAwEBAQEAARAdHioxJVqJ39W94N3RTgAABQYHAwEQGiQDAQAAAQEA" +
  "AgQCAgICAQEDBg8lGbzf2+ff5uPh2nsAAAUIBQEBDESwQwMbNUpIOTI1MycfHhwZHjE8PD1DREVMTkY3NSAhMTg2KRslO0NAQElJ" +
  "IjU/NzIzNjUoHx8eGxsuPj9ATVJNT0czIyYkHBwlKiUdHSgyMzQ6PSYzNjQ1NzkyIxseHhsaLT8/PEtXU048IB0xNCspKiYiIyQm" +
  "KSsxODsnLzM1NzcyJyAUFxgVFCc9PjY8SElAMCckMjlAS0s/LiktMDAwNDs9JysvNDc2NTs4EhIRDg8cLzMvLDAvKCsqLCwySVZR" +
  "SjwzNTc2Njg8PCo0PkRISkxQOBETEg8UHSMkI1iHZkAmKjU0Lzw/PUJBPj4/Pzg0NjlDVVRMTk1PUzYeHRgWHTWbt6+xs7WmsYcy" +
  "LighHC5DSEVFR0c+MzQ6XltQUlhUV1RBNy8hJYazrLKfpKKfp6i2r1AbFBc1TlNMSEpMRzs7QmRYU1haW11YSEQ6LXi2rJyel5WR" +
  "mZCZraqmMBUXM1JdVUtLTExGQ0pfVFlZWFpWVUhGPlKgoaymioR/dHeGmqutsIoYGSpIXFpRTk5NRj9EXVlbWVpcWlJHRz9mpp+G" +
  "lI9yT0xiaIGGjqWyJR0jNkxWVVNTTUI2OVFWV1VXXF5OSkg8nqOhkXhUQDsqPFlyf5idoDggJi04RlFSTUQ4Li1PWVxdXl5XTExG" +
  "TJOki5JhUiksOioka3iNlKd8HykwLzZDRj81LSopW15iZWNdUExKPVqVsKR1eSs6PENHQU14i5yWjBwpMC0qNTk2LywqKmBeYWFe" +
  "U0tJQzNLkIypjUE5LSs2KChlZniWko8fLTQwKi0yMzIwKyhLUlxcWEpHQjosPYCPfn52UzgtKilMcmyToK10Lzc7Ni8tMDU0Lyso" +
  "QE9WV09BPTgyLDZ7lZ17k1lsQz1PNFt9fXyTTjw+PDcxMTc8NyslJEhPUU5ANS8rLjAvbIeOmY9RhGJLgXqCj4Sqijc8Ojc1NDlB" +
  "Rz8sHx1TUUo4KSMhJCkuLkOVkIhhY2dWi3Z0fYmMelI3NzU0Njk+RUhENiQZVk8vGhYaHB0gISMqXImWeYF0c4Nlj26Uk3AzMjY3" +
  "Nzc6PUBCQTwxIkc4IxkTFhgWFRIUIjVneouPfoqRf5ifnIA2JzA7QDw5PEBDRUJCPzItKyslGhUVEQ4LDhouOkZzi22FknyBjV5F" +
  "PTg+RkY+PUJHSktLSUc9MS0vMCocEhANCwwQGiEsLik8VV9hS0VbZVVMTU1ENjhAR0lKTU5GQTgxLjIzKRMODQwLCw0cMTAvOkdL" +
  "Sm1OSXFoaU1MQS0jLDtBREZFQD4yMDA3OTAYDg0NDAsMGCQkNkBYeH+koJuusKRrSUEsGiMxOT5CSzg3Ly8tMjouFxAODQ0NDQ4S" +
  "HTQ8nqyqqaKxnqyteUZDMycuNTg6ZqNbMhcsOkA+NzYvHBUYGBQYLDs9PkRNVGBiSRYeEg8VGx0bFyA1OzUzP0IeMkJFQTo6NSMZ" +
  "HBsXFixCRENWZmFiWCwLHCITCRAZHhwcJTM1NTs+IjVAQkA+PzUfFxweGRctR0U8UWdmX0MaCh0pHRkdHh4hIycuMj1ISSIvOT0/" +
  "PDMkHhIXGBQSJkJCNDlMUkg6LRQNFi5RWUQqIysyNzpEUFEgJi01NjMxPkIQERAODBkvMysmKiomMDAiDA41XmVSNSowODw/RlBO" +
  "Hys2Pj1ET1k5DxMSEBMbIB0bQ2JMLyMvLhYOJTU6PDczNjk9PTo6PDpUUD1ASE5gMh4eGRYdL3ODeXR6g219XyUTDhITKERDPT4+" +
  "Qj4wKjFcVz9GUldgXUdDMiIlXXprdltlZ2JzbX57LwsMEjFMTEhIRkZDNTI+Xk0+VVdeZF1ZW0UwY3toXmFVUE5cVlpwbnQbChIv" +
  "UV5eVk9KR0FAS1dDU09UWV5dXF5PT2FmZ2RDRDYsO0JedHV2XAoRJU1rcGNcWVBFPEVYTlJYX2JhW1daTVNsX0VaTCoSFCUiQEZS" +
  "aXwXER42WGliYmZZRDM3RU5TVVVgX1lXV0RtaGZSNhcUGRIPHjQ+W2NoKBojLj1OWGFjUjsrKUFSX19ZXFxZV09AX2BHVCAgDhQb" +
  "EwcuMU9VbFYcKTMxNUhRTDwvKCg2S1dbW1xZWFVBQ2BuYS84DRweHSIoFjNLV1paGigzLik2Pzw2MSsrN1ZcVlNYWVlQNjhWV2VM" +
  "ERYWFBUWEiowOFlOYBwqMzApLTQ4OjYuLENUWVFOVVdTRTAvTFJHRDojGBYUFCE6LVRmbUsoMjczLCgsNTkzLy05UlNKS09KQjgy" +
  "MUdZYDlQHDIeGSMRHT1FPlc3MjUzLSUhKjU1LCcnNkxEQEE4LysvLytJUFdhWipEKyBHNUpUTXBeJCcoIyEfJjVCPSkcHEA/Ny8l" +
  "Hh4iJSQhK1tUUCsvOC9KREFIR1FCQiEaGhsdHyk4QT4wHxdJPh4QDhQZGhoZFxo6W2BHUEM4UTVUO15cSSkcFxkeICEkLjEyMigd" +
  "Oi0XDwoPFBMQDAwXJ0VFUVZQVVxHaWRiTyEYGx4oKCctLzU4Nzg2LiopJh4SDxIOCwcGEiQ0PkVdQExhT05fLik0MzI1OTIyOj9D" +
  "SEtHSUYwLzEwKRgPDQsHBQkSHiQZGR0zT0M1JSA3QlRORjorLzdGTFNfXlhYMy4qNT4sDgsKBwUEBhIRBxMEMUU9RisaPj9nXFI/" +
  "KR4lPUpRWFBERSIfFiJBPBUKCQgHBgYNDQ0QDDZVSnZ2bXKBa2dXRy4XIzZAOislJSwhHxUXJCoTDAkICAkIBwkXGh1jdXx5cH1o" +
  "d2RrU0kzIjBBQi4ITisf";
export const PHOTOGRAPHS = Float64Array.from(atob(BYTES), (byte) => byte.charCodeAt(0));
