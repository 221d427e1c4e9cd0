// What several tables had to decide.

export const IMAGES_UNSAID =
  "The paper does not say which of the published image sets it used; here it is the larger one, all layers (view pcap).";

export const USTC_VIEW =
  "The paper does not say which of the published image sets it used; of those at hand only view l7 holds as many images as these rows ask for.";

export const PER_CLASS =
  "The labels are per class, as the paper's text has it; a class that holds fewer gives all it has. The rest of the training part is the unlabelled pool.";
