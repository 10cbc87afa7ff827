/** Name of the second file, with its hash; the build puts it in. */
declare const EXTRAS: string;
